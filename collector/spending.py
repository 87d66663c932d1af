"""What agents spent in the period of each budget, and how the budget stands by that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from collector.costs.budget import Spend, SpendBudget, Spent, stand
from collector.costs.period import Period, Rolling, period_of, whole_hours
from collector.store.reader import Reader

__all__ = ["Spending", "Standing"]

_WITHOUT_BUDGET = Period.MONTH
_NOTHING = Spent()


@dataclass(frozen=True)
class Standing:
    """What was spent in a period, and of which budget, if any; without an agent it is of all."""

    budget: SpendBudget | None
    agent: str | None
    sample: bool
    period: Period | Rolling
    since: datetime
    until: datetime
    spent: Spent

    def stands(self, now: datetime) -> Spend | None:
        """How the budget stands; nothing where there is none."""
        if self.budget is None:
            return None
        elapsed = None
        if not isinstance(self.period, Rolling):
            elapsed = (now - self.since) / (self.until - self.since)
        return stand(self.spent, self.budget.amount_usd, elapsed)


class Spending:
    """The periods that hold one moment, each read once."""

    def __init__(self, reader: Reader, now: datetime) -> None:
        self._reader = reader
        self._now = now
        self._samples = {row["agent"]: row["sample"] for row in reader.rows("costs/agents")}
        self._read: dict[tuple[datetime, datetime], Mapping[str, Spent]] = {}

    def of(self, budgets: tuple[SpendBudget, ...]) -> Iterator[Standing]:
        """Every budget, then the agents that none of them covers with their month."""
        covered: set[str] = set()
        for budget in budgets:
            agents = sorted({*budget.agents} or {*self._samples})
            if budget.together:
                yield self._together(budget, agents)
                continue
            covered |= {*agents}
            for agent in agents:
                yield self._alone(budget, agent)
        for agent in sorted(self._samples.keys() - covered):
            since, until = period_of(_WITHOUT_BUDGET, self._now)
            spent = self._spent(since, until).get(agent, _NOTHING)
            sample = self._samples[agent]
            yield Standing(None, agent, sample, _WITHOUT_BUDGET, since, until, spent)

    def _alone(self, budget: SpendBudget, agent: str) -> Standing:
        since, until = budget.bounds(self._now)
        spent = self._spent(since, until).get(agent, _NOTHING)
        sample = self._samples.get(agent, False)
        return Standing(budget, agent, sample, budget.period, since, until, spent)

    def _together(self, budget: SpendBudget, agents: list[str]) -> Standing:
        since, until = budget.bounds(self._now)
        known = self._spent(since, until)
        whole = _sum([known[agent] for agent in agents if agent in known])
        sample = any(self._samples.get(agent, False) for agent in agents)
        return Standing(budget, None, sample, budget.period, since, until, whole)

    def _spent(self, since: datetime, until: datetime) -> Mapping[str, Spent]:
        if (since, until) not in self._read:
            first_hour, last_hour = whole_hours(since, until)
            hours = {"first_hour": first_hour, "last_hour": last_hour}
            bound = {"since": since, "until": until, **hours}
            self._read[since, until] = {
                row["agent"]: Spent(row["calls"], row["unpriced_calls"], row["cost_usd"])
                for row in self._reader.rows("costs/spent", bound)
            }
        return self._read[since, until]


def _sum(parts: list[Spent]) -> Spent:
    usd = [part.usd for part in parts if part.usd is not None]
    return Spent(
        sum(part.calls for part in parts),
        sum(part.unpriced_calls for part in parts),
        sum(usd) if usd or not parts else None,
    )
