-- Public view: who set how long evidence is kept, with the reason and the signature.
create or replace view retention_acts as
select acted_at, kind, acted_by, reason, signal, days, since, until, agent, act_id, hold_id, signature
from retention_act;
