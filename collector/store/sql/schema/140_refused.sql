-- Public view: records that were refused.
create or replace view refused as
select received_at, source, signal, reason, records, detail
from refused_record;
