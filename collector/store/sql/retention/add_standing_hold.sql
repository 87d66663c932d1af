-- One hold in force. Bound: $since, $until (timestamptz), $agent (or null).
insert into standing_hold
values ($since, $until, $agent);
