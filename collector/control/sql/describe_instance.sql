-- What an instance says of itself; the name of its agent stays the first one.
-- Bound: $instance_uid, $agent, $service, $service_instance, $framework, $hooks, $pid, $sample.
update instance
set
    agent = coalesce(agent, $agent),
    service = $service,
    service_instance = $service_instance,
    framework = $framework,
    hooks = $hooks,
    pid = $pid,
    sample = $sample
where instance_uid = $instance_uid;
