-- A hold finds its instances by the name of their agent.
create index if not exists instance_agent on instance (agent);
