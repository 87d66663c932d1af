-- Takes back readings of a score that a better teller told within a second:
-- a change outranks a verification, a verification an evaluation.
-- Bound: $since_ns, $until_ns (bigint).
delete from trust_point as copy
where
    split_part(copy.reason, ' ', 1) in ('verified', 'evaluated')
    and copy.scored_ns between $since_ns and $until_ns
    and exists (
        from trust_point as told
        where
            told.scored_ns between $since_ns and $until_ns
            and told.agent = copy.agent
            and told.score = copy.score
            and told.environment is not distinct from copy.environment
            and abs(told.scored_ns - copy.scored_ns) < 1000000000
            and (
                split_part(told.reason, ' ', 1) = 'changed'
                or (split_part(told.reason, ' ', 1) = 'verified' and split_part(copy.reason, ' ', 1) = 'evaluated')
            )
    );
