-- How far costs were computed anew: one row a job. It moves in the transaction that changes the
-- costs, so after any crash both are of the same moment.
create table if not exists reprice (
    job_id varchar not null,
    next_ns bigint not null
);
