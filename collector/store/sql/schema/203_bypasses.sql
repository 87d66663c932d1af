-- Public view: actions that went through although denied, not approved or under a hold, with the ids of the
-- evidence on both sides. bypass: denied, unapproved or hold; certainty: proven or suspected.
create or replace view bypasses as
select * replace (lower(hex(trace_id)) as trace_id, lower(hex(span_id)) as span_id)
from bypasses_between('-infinity'::timestamptz + interval 1 day, 'infinity'::timestamptz);
