-- Whether a row was known at a moment. Rows of a store that did not keep when they came in count
-- from the time that they tell.
create or replace macro known(received_at, told_at, known_at) as
    coalesce(received_at, told_at) <= known_at;
