-- What the view over one archived table reads. Bound: $view.
select sql
from duckdb_views()
where database_name = current_database() and schema_name = 'main' and view_name = $view;
