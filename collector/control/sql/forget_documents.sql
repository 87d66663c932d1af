-- Documents that nobody answers to any more: all but the latest $kept of one audience.
-- Bound: $instance_uid, $kept.
delete from document
where instance_uid = $instance_uid
    and (epoch, gen) not in (
        select d.epoch, d.gen
        from document as d
        where d.instance_uid = $instance_uid
        order by d.epoch desc, d.gen desc
        limit $kept
    );
