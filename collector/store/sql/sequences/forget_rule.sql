-- Forgets that a rule was looked for. Bound: $rule.
delete from sequence_rule
where rule = $rule
