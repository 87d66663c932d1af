-- The blocks of the file that hold what tells where everything is. Bound: nothing.
select block_id
from pragma_metadata_info('wk')
order by block_id;
