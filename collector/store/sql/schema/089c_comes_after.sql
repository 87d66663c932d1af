-- Whether a decision was taken behind a call: it is matched to no call that comes later.
create or replace macro comes_after(stage) as
    coalesce(stage in ('post_model_call', 'post_tool_call', 'output', 'agent_end'), false);
