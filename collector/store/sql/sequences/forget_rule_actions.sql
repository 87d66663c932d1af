-- Forgets the actions noted for a rule. Bound: $rule.
delete from sequence_action
where rule = $rule
