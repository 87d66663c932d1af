-- Forgets the matches of a rule. Bound: $rule.
delete from sequence_match
where rule = $rule
