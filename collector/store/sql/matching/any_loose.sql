-- Whether any decision was told outside of a trace. Bound: nothing.
select exists (from loose_name) as any_loose;
