-- Notes the actions that fit a step, under the names of agents that are followed, and remembers them.
-- A rule that names an agent means it under each of its names. Bound: $most (more are not noted;
-- null for no bound); reads the temporary view sequence_source and the registered table sequence_step.
create or replace temp table come_action as
with
    come as (
        insert into sequence_action by name
        select distinct
            s.rule,
            case s.scope
                when 'conversation' then a.conversation_id
                when 'agent' then coalesce(n.agent, a.agent)
                when 'trace' then lower(hex(a.trace_id))
                else a.instance
            end as key,
            s.step,
            a.trace_id,
            a.span_id,
            a.started_at,
            a.start_ns
        from sequence_source as a
        left join sequence_name as n on n.alias = a.agent
        inner join sequence_step as s
            on (s.name is null or a.name glob s.name)
            and (s.model is null or a.model glob s.model)
            and (s.agent is null or a.agent glob s.agent or n.agent glob s.agent)
            and (s.kinds is null or list_contains(s.kinds, a.kind))
            and list_contains(s.outcomes, a.outcome)
        where key is not null
        limit $most
        returning *
    )
select *
from come
