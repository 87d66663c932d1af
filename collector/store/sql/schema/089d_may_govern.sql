-- Whether a decision can have kept a call from doing harm: not once a tool has acted. What a model
-- answered has done nothing yet.
create or replace macro may_govern(stage) as
    coalesce(stage not in ('post_tool_call', 'output', 'agent_end'), true);
