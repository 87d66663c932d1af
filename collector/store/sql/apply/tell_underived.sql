-- Tell once that runs and actions are missing for now. No record is lost by it.
-- Bound: $behind: the position before the batch, $detail.
insert into refused_record (sequence, received_at, source, signal, reason, records, detail)
values ($behind::ubigint + 1, now(), 'watchkeeper', 'traces', 'not_derived', 0, $detail);
