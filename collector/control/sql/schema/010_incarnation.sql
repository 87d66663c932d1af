-- How often control has started. Agents refuse documents of an earlier epoch.
create table if not exists incarnation (
    epoch integer not null
) strict;
