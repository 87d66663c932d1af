-- Takes back audit entries that repeat a decision already told by a span within a second:
-- same sender, agent, action, verdict and rule. The two have no id in common.
-- Remembers them as what changed.
-- Bound: $since_ns, $until_ns (bigint).
create or replace temp table changed_decision as
with
    gone as (
        delete from decision as copy
        where
            copy.dialect = 'agt_copy'
            and copy.decided_ns between $since_ns and $until_ns
            and exists (
                from decision as told
                where
                    told.dialect = 'agt'
                    and told.decided_ns between $since_ns and $until_ns
                    and told.span_id is not null
                    and told.instance is not distinct from copy.instance
                    and told.agent = copy.agent
                    and told.action = copy.action
                    and told.raw_verdict = copy.raw_verdict
                    and told.rule is not distinct from copy.rule
                    and told.decided_ns > copy.decided_ns - 1000000000
                    and told.decided_ns < copy.decided_ns + 1000000000
            )
        returning *
    )
select *, -1::bigint as decisions
from gone;
