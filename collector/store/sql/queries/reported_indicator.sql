-- What the toolkit's indicators come to over one agent's runs, tools and decisions.
-- Bound: $agent, $since, $until (timestamptz), $quantile (0 < x < 1).
with
    runs_of as (
        select outcome, duration_ms, cost_usd
        from named_run
        where agent = $agent and started_at >= $since and started_at < $until
    ),
    tools_of as (
        select outcome
        from named_action
        where
            agent = $agent and kind = 'tool' and started_at >= $since and started_at < $until
    ),
    decided as (
        select verdict
        from named_decision
        where agent = $agent and decided_at >= $since and decided_at < $until
    )
select
    (
        select count(*) filter (outcome = 'ok') / nullif(count(*) filter (outcome <> 'unknown'), 0)
        from runs_of
    ) as task_success_rate,
    (
        select count(*) filter (outcome = 'ok') / nullif(count(*) filter (outcome <> 'unknown'), 0)
        from tools_of
    ) as tool_call_accuracy,
    (
        select count(*) filter (verdict <> 'deny') / nullif(count(*), 0)
        from decided
    ) as policy_compliance,
    (select quantile_disc(duration_ms, $quantile) from runs_of) as response_latency,
    (select avg(cost_usd) from runs_of) as cost_per_task;
