-- The instances of one agent, or the one that is named by its uid or service instance.
-- Bound: $agent_name, $instance (or null), $instance_uid (or null).
select *
from instance
where agent = $agent_name
    and ($instance is null or service_instance = $instance or instance_uid = $instance_uid)
order by first_seen, instance_uid;
