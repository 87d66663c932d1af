-- Tool and model calls that started in a period, each with the decision about it, if there is one.
-- measured: whether its agent ever told a decision; without one nothing can be said of it.
create or replace macro coverage_between(since_at, until_at) as table
with
    deciding as (
        select distinct agent
        from named_decision_rollup
    )
select
    a.* replace (case when a.decision_id is not null then a.matched_by end as matched_by),
    d.agent is not null as measured
from named_action as a
left join deciding as d on d.agent = a.agent
where a.kind in ('tool', 'model') and a.started_at >= since_at and a.started_at < until_at;
