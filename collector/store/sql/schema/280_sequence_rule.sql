-- The sequence rules whose matches are kept, each as it was when they were looked for.
create table if not exists sequence_rule (
    rule varchar not null,
    definition varchar not null
);
