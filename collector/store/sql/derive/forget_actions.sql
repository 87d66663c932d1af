-- Takes back the actions of the touched traces before they are told anew, and remembers them.
-- Bound: $since, $until (timestamptz).
create or replace temp table forgotten_action as
with
    gone as (
        delete from action
        where
            started_at between $since and $until
            and trace_id in (select trace_id from touched)
        returning *
    )
select *
from gone;
