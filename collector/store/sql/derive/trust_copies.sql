-- Takes back readings of a score that a better teller told within a second:
-- a change outranks a verification, a verification an evaluation.
-- Bound: $since_ns, $until_ns (bigint).
delete from trust_point
where rowid in (
    with
        ranked as (
            select
                rowid as place,
                agent,
                score,
                environment,
                scored_ns,
                case
                    when reason like 'changed%' then 3
                    when reason like 'verified%' then 2
                    when reason like 'evaluated%' then 1
                end as rank
            from trust_point
            where scored_ns between $since_ns and $until_ns
        ),
        told as (
            select
                agent,
                score,
                environment,
                rank,
                min(scored_ns) as first_ns,
                max(scored_ns) as last_ns,
                unnest([second - 1, second, second + 1]) as near_second
            from (select *, scored_ns // 1000000000 as second from ranked)
            where rank > 1
            group by agent, score, environment, rank, second
        )
    select copy.place
    from ranked as copy
    inner join told
        on told.agent = copy.agent
        and told.score = copy.score
        and told.environment is not distinct from copy.environment
        and told.near_second = copy.scored_ns // 1000000000
        and told.first_ns - copy.scored_ns < 1000000000
        and copy.scored_ns - told.last_ns < 1000000000
    where copy.rank < 3 and told.rank > copy.rank
);
