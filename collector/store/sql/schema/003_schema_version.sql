-- Which Watchkeeper last wrote here. One row; an older one that does not know the
-- number must not write into what it cannot read.
create table if not exists schema_version (
    version uinteger not null
);
