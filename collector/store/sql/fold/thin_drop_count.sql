-- Without the rows that are folded. Bound: nothing.
delete from drop_count
where rowid in (select row from folding);
