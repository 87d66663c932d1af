-- Remembers a rule as it is looked for. Bound: $rule, $definition.
insert into sequence_rule by name
select $rule as rule, $definition as definition
