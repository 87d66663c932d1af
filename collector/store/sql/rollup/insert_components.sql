-- Count the uses of components that changed. Semantic Kernel calls a tool plugin-function.
-- Bound: nothing; reads the temporary table changed_component.
insert into component_rollup by name
with
    part as (
        select
            c.seen_in,
            c.agent,
            c.sample,
            c.events,
            unnest([
                {'kind': 'model', 'name': c.model, 'version': null::varchar, 'origin': c.provider},
                {'kind': 'provider', 'name': c.provider, 'version': null, 'origin': null},
                {'kind': 'tool', 'name': c.tool, 'version': null, 'origin': c.mcp_server},
                {'kind': 'mcp_server', 'name': c.mcp_server, 'version': null, 'origin': null},
                {
                    'kind': 'plugin',
                    'name': case
                        when c.framework = 'semantic-kernel' and contains(c.tool, '-') then split_part(c.tool, '-', 1)
                    end,
                    'version': null,
                    'origin': null
                },
                {'kind': 'framework', 'name': c.framework, 'version': null, 'origin': null},
                {'kind': 'instrumentation', 'name': nullif(s.name, ''), 'version': nullif(s.version, ''), 'origin': null}
            ], recursive := true)
        from changed_component as c
        left join scope as s on s.scope_hash = c.scope_hash
    )
select
    seen_in,
    agent,
    sample,
    kind,
    name,
    version,
    origin,
    sum(events)::bigint as events
from part
where name is not null
group by all
having sum(events) <> 0
order by seen_in, agent, kind;
