-- How many log records of a period hold an audit record of the governance toolkit.
-- Bound: $since, $until (timestamptz).
select count(*) as records
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
