-- Without the rows that are folded. Bound: nothing.
delete from source_count
where rowid in (select row from folding);
