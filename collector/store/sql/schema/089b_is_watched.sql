-- Whether a decision was only watched: its verdict did not bind.
create or replace macro is_watched(mode) as
    coalesce(mode, 'enforce') <> 'enforce';
