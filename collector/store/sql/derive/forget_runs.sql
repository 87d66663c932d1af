-- Takes back the runs of the touched traces before they are told anew, and remembers them.
-- Bound: $since, $until (timestamptz).
create or replace temp table forgotten_run as
with
    gone as (
        delete from run
        where
            started_at between $since and $until
            and trace_id in (select trace_id from touched)
        returning *
    )
select *
from gone;
