-- Where such decisions and the calls of that name are to be matched anew: see match_slot.
-- failures: how often that failed.
create table if not exists unmatched_slot (
    name varchar not null,
    slot bigint not null,
    failures ubigint not null
);
