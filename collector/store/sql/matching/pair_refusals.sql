-- Refusals outside of any trace in and beside the due slots that no call is matched to, each with the run
-- in which it was told: of its agent and instance, the one that began last. An instance goes by several names:
-- a run of another one counts where nothing else of that agent ran.
-- Bound: $since, $until (timestamptz); reads the temporary table due_slot.
create or replace temp table paired_refusal as
with
    near as (
        select distinct name, slot + unnest([-1, 0, 1]) as slot
        from due_slot
    ),
    refused as (
        select d.decision_id, d.agent, d.instance, d.action as name, d.decided_at, d.decided_ns
        from named_decision as d
        semi join near as n on n.name = d.action and n.slot = match_slot(d.decided_ns)
        anti join loose_match as m on m.decision_id = d.decision_id
        where
            d.trace_id is null
            and d.effect in ('blocked', 'held')
            and d.decided_at between $since and $until
    ),
    candidate as (
        select
            d.decision_id,
            r.trace_id,
            r.span_id,
            d.name,
            d.decided_at,
            d.decided_ns,
            r.start_ns,
            coalesce(r.instance = d.instance, true) as fits,
            min(r.trace_id) over (partition by d.decision_id) = max(r.trace_id) over (partition by d.decision_id) as is_alone
        from refused as d
        inner join named_run as r
            on r.agent = d.agent
            and d.decided_at >= r.started_at
            and d.decided_at <= run_ends_at(r.started_at, r.duration_ms)
        where r.started_at between $since - interval 6 hours and $until
    )
select decision_id, trace_id, span_id, name, decided_at, decided_ns
from candidate
where fits or is_alone
qualify row_number() over (partition by decision_id order by fits desc, start_ns desc, trace_id, span_id) = 1;
