-- Until when noted actions are forgotten; without a row none ever was.
create table if not exists sequence_thinned (
    before timestamptz not null
);
