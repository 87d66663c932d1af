-- Without the rows that are folded. Bound: nothing.
delete from sender_count
where rowid in (select row from folding);
