-- Remembers until when noted actions are forgotten, where there are such. Bound: $before (timestamptz).
insert into sequence_thinned by name
select $before as before
where exists (select 1 from sequence_action where started_at < $before)
