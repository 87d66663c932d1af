-- Without the rows that are folded. Bound: nothing.
delete from sequence_range
where rowid in (select row from folding);
