-- What became of one hold at one instance.
create table if not exists delivery (
    hold_id text not null references command (hold_id),
    instance_uid text not null references instance (instance_uid),
    delivered_at text not null,
    acked_at text,
    ack_status text,
    effective_mode text,
    hooks text,
    enforced_at text,
    decision_id text,
    primary key (hold_id, instance_uid)
) strict;
