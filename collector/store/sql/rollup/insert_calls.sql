-- Count the calls that changed. Bound: nothing; reads the temporary view changed_call.
insert into call_rollup by name
select
    time_bucket(interval 1 hour, started_at) as started_in,
    agent,
    framework,
    sample,
    kind,
    name,
    case when decision_id is not null then matched_by end as matched_by,
    case when decision_id is not null then decision_mode end as decision_mode,
    sum(calls)::bigint as calls
from changed_call
group by all
having sum(calls) <> 0
order by started_in, agent, kind, name;
