-- Whether a decision in force says that something must not happen, or not yet. What Watchkeeper's own
-- client blocks is none: it blocks in the process, and the span is the refusal itself.
create or replace macro is_refusal(verdict, effect, mode, dialect) as
    (verdict in ('deny', 'escalate', 'defer') or effect in ('blocked', 'held'))
    and not is_watched(mode)
    and not (dialect = 'watchkeeper' and effect = 'blocked');
