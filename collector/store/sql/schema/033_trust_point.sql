-- A trust score as somebody reported it, on our scale and on theirs.
create table if not exists trust_point (
    sequence ubigint not null,
    agent varchar not null,
    agent_id varchar,
    environment varchar,
    sample boolean not null,
    scored_at timestamptz not null,
    scored_ns bigint not null,
    score double not null,
    tier varchar not null,
    raw_score double not null,
    raw_scale varchar not null,
    origin varchar not null,
    reason varchar
);
