-- The legal holds in force, for the deletions of this cursor to leave alone. Bound: nothing.
create or replace temp table standing_hold (
    since timestamptz not null,
    until timestamptz not null,
    agent varchar
);
