-- Where steps are looked for: in the actions of agents whose name is another one by now, as long
-- as what was noted is kept. Bound: nothing; reads the temporary table renamed_agent.
create or replace temp view sequence_source as
select a.*
from action as a
where
    a.agent in (select alias from renamed_agent)
    and a.started_at >= coalesce((select max(before) from sequence_thinned), '-infinity')
