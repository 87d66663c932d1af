-- Keep the decisions not told before; answers with what was kept. A unit of a gateway's counter
-- is told by a line already where the gateway writes lines, and comes again with every export.
-- Bound: incoming (Arrow: the columns of decision).
insert into decision by name
select i.*
from incoming as i
anti join decision as t using (decision_id)
where
    not (
        i.told_by = 'metric'
        and i.stage = 'mcp_request'
        and exists (
            from gateway_line as l
            where
                l.instance is not distinct from i.instance
                and l.agent = i.agent
                and l.action is not distinct from i.action
                and l.verdict = i.verdict
        )
    )
returning hold_id;
