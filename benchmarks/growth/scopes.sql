-- The instrumentation every span of the grown store comes from. Bound: nothing.
insert into scope by name
select
    7::uhugeint as scope_hash,
    'opentelemetry.instrumentation.langchain' as name,
    '0.60.0' as version,
    '{}' as attributes,
    0 as dropped_attributes_count,
    '' as schema_url
