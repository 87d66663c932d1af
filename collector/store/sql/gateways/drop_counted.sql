-- Takes back the units of gateways' counters that lines turned out to tell; remembers them as
-- what changed.
-- Bound: nothing.
create or replace temp table changed_decision as
with
    gone as (
        delete from decision as copy
        where
            copy.told_by = 'metric'
            and copy.stage = 'mcp_request'
            and exists (
                from gateway_line as l
                where
                    l.instance is not distinct from copy.instance
                    and l.agent = copy.agent
                    and l.action is not distinct from copy.action
                    and l.verdict = copy.verdict
            )
        returning *
    )
select *, -1::bigint as decisions
from gone;
