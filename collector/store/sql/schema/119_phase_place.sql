-- How far a phase is along a command's way: the furthest one proven is the phase it is in.
create or replace macro phase_place(phase) as list_position(
    ['requested', 'failed', 'signed', 'delivered', 'acked', 'enforced', 'expired', 'released'],
    phase
);
