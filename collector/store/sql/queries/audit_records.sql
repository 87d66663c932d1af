-- Log records that hold an audit record of the governance toolkit, newest first, with the
-- verdict of the decision that they name; is_cut says whether there are more.
-- Bound: $since, $until (timestamptz), $most (how many are looked at), $most_text (of how many
-- characters together: anybody may send large ones).
with
    told as (
        select l.logged_at, l.attributes, l.trace_id, l.resource_hash, l.fingerprint
        from every_log_record as l
        left join scope as c using (scope_hash)
        where
            l.logged_at >= $since
            and l.logged_at < $until
            and (
                l.event_name = 'watchkeeper.audit_entry'
                or (
                    c.name = 'agent_os.governance.audit'
                    and contains(l.attributes::varchar, 'agt.audit.meta.cloudevent')
                )
            )
        order by l.logged_at desc, l.fingerprint
        limit $most + 1
    ),
    placed as (
        select
            *,
            row_number() over newest_first as place,
            sum(length(attributes::varchar)) over newest_first as text_so_far,
            count(*) over () as found
        from told
        window
            newest_first as (
                order by logged_at desc, fingerprint
                rows between unbounded preceding and current row
            )
    ),
    bearable as (
        select *, found > count(*) over () as is_cut
        from placed
        where place <= $most and (text_so_far <= $most_text or place = 1)
    ),
    named as (
        select
            *,
            coalesce(
                attributes ->> '$."gen_ai.agent.name"',
                attributes ->> '$."gen_ai.agent.id"',
                attributes ->> '$."agt.agent.id"'
            ) as alias,
            attributes ->> '$."watchkeeper.decision.id"' as decision_id
        from bearable
    )
select
    t.logged_at as told_at,
    t.attributes::varchar as attributes,
    coalesce(n.agent, t.alias, r.service_name) as agent,
    coalesce(r.sample, false) as sample,
    lower(hex(t.trace_id)) as trace_id,
    t.decision_id,
    d.verdict,
    t.is_cut
from named as t
left join resource as r using (resource_hash)
left join agent_names as n on n.alias = t.alias
left join decision as d on d.decision_id = t.decision_id
order by told_at desc, t.fingerprint;
