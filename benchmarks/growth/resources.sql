-- One resource an agent: twenty services in two environments.
-- Bound: $begin (timestamptz).
insert into resource by name
select
    (1000 + n)::uhugeint as resource_hash,
    json_object(
        'service.name', format('agent-{:02d}', n),
        'service.instance.id', format('agent-{:02d}-1', n),
        'deployment.environment.name', case when n % 5 = 0 then 'staging' else 'production' end,
        'telemetry.sdk.language', 'python',
        'telemetry.sdk.name', 'opentelemetry',
        'telemetry.sdk.version', '1.41.0',
        'host.name', format('node-{}', n % 7)
    ) as attributes,
    0 as dropped_attributes_count,
    '' as schema_url,
    format('agent-{:02d}', n) as service_name,
    format('agent-{:02d}-1', n) as instance,
    case when n % 5 = 0 then 'staging' else 'production' end as environment,
    false as sample,
    $begin as first_received_at
from range(20) as numbers(n)
