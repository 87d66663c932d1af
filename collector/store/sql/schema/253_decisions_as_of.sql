-- Public macro: the decisions taken up to a moment, as far as they were known at another.
create or replace macro decisions_as_of(told_until, known_until) as table
select *
from named_decision
where
    decided_at <= cast(told_until as timestamptz)
    and known(received_at, decided_at, cast(known_until as timestamptz));
