-- What free SQL may name: our tables and views, and the built-in functions, with those that have effects marked.
-- Bound: nothing.
select 'database' as kind, current_database() as name
union all
select 'relation', table_name
from duckdb_tables()
where database_name = current_database() and not internal
union all
select 'relation', view_name
from duckdb_views()
where database_name = current_database() and not internal
union all
select distinct
    case when has_side_effects then 'volatile' else 'function' end,
    lower(function_name)
from duckdb_functions()
where internal and function_type in ('scalar', 'aggregate', 'macro')
