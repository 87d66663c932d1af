-- How far the write-ahead log has been applied. One row, changed in the same
-- transaction as the records it covers.
create table if not exists position (
    sequence ubigint not null
);
