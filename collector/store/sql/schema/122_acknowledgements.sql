-- Public view: what instances said about the holds they received.
create or replace view acknowledgements as
select
    command_id,
    hold_id,
    kind,
    agent,
    instance,
    told_at as acked_at,
    detail ->> '$.status' as status,
    detail ->> '$.effective_mode' as effective_mode,
    sample
from command_event
where phase = 'acked';
