-- Public view: legal holds, and who released them.
create or replace view legal_holds as
select
    h.act_id as hold_id,
    h.since,
    h.until,
    h.agent,
    h.reason,
    h.acted_by as placed_by,
    h.acted_at as placed_at,
    r.acted_by as released_by,
    r.acted_at as released_at,
    r.reason as release_reason
from retention_act as h
left join retention_act as r on r.kind = 'release' and r.hold_id = h.act_id
where h.kind = 'hold';
