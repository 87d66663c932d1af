-- What computing costs anew changed, a row a part of a job and a model. Sums in USD of the calls
-- that changed; unpriced are those whose cost was not known, and is not known now.
create table if not exists reprice_change (
    job_id varchar not null,
    model varchar,
    provider varchar,
    calls bigint not null,
    unpriced_before bigint not null,
    unpriced_after bigint not null,
    usd_before decimal(38, 12) not null,
    usd_after decimal(38, 12) not null
);
