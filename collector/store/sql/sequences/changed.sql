-- Of each rule and key the stretch in which what is noted changed.
-- Bound: nothing; reads the temporary tables gone_action and come_action.
with
    changed as (
        (
            from gone_action
            except
            from come_action
        )
        union all
        (
            from come_action
            except
            from gone_action
        )
    )
select rule, key, min(start_ns) as first_ns, max(start_ns) as last_ns
from changed
group by rule, key
order by rule, key
