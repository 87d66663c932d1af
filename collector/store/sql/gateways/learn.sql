-- Remembers which verdicts of gateways the batch that is being stored tells by lines for the
-- first time; the position has not moved yet. Answers with how many.
-- Bound: nothing.
insert into gateway_line by name
select distinct
    d.instance,
    d.agent,
    d.action,
    d.verdict
from decision as d
anti join gateway_line as l
    on l.instance is not distinct from d.instance
    and l.agent = d.agent
    and l.action is not distinct from d.action
    and l.verdict = d.verdict
where
    d.sequence > (select max(sequence) from position)
    and d.told_by = 'log_line'
    and d.stage = 'mcp_request';
