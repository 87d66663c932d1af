-- Documents of instances that vanished long ago and that no command ever reached.
-- Bound: $seen_before.
delete from document
where instance_uid in (
    select i.instance_uid
    from instance as i
    where i.last_seen < $seen_before
        and not exists (select 1 from delivery as d where d.instance_uid = i.instance_uid)
);
