-- About once a day: everything up to this sequence had arrived by then. Rows that keep no
-- time of arrival are as young as the first mark behind them.
create table if not exists position_mark (
    marked_at timestamptz not null,
    sequence ubigint not null
);
