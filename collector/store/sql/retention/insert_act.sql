-- One act of the file. Bound: its columns.
insert into retention_act
values ($act_id, $kind, $acted_by, $acted_at, $reason, $signal, $days, $since, $until, $agent, $hold_id, $signature);
