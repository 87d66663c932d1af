-- The number of the schema in this database; none before the first start. Bound: nothing.
select version
from schema_version;
