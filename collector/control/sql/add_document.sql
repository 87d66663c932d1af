-- A document was signed.
-- Bound: every column.
insert into document (
    instance_uid, epoch, gen, jti, body_hash, holds, body, issued_at, expires_at
)
values ($instance_uid, $epoch, $gen, $jti, $body_hash, $holds, $body, $issued_at, $expires_at);
