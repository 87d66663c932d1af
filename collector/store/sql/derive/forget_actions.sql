-- Takes back the actions of the touched traces before they are told anew.
-- Bound: $since, $until (timestamptz).
delete from action
where
    started_at between $since and $until
    and trace_id in (select trace_id from touched);
