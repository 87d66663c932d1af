-- Agents that ever called a model, and whether they are sample data. Bound: nothing.
select agent, bool_or(sample) as sample
from costs
group by agent
order by agent;
