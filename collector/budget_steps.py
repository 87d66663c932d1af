"""Tells the control process which steps of budgets in money are reached.

1. What was spent is counted, and compared with the steps that `budgets.yaml` names; without steps
   nothing is done.
2. Each step that is reached is told under its key. Control takes it once: told again after a crash
   between deciding and sending, or because an answer was lost, it is the same step.
3. The step of a rolling budget is armed again once costs fell far enough.
4. Only the period under way acts: what is late for one that is over changes its figures alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import structlog

from collector.costs.budget import SpendBudget
from collector.costs.period import Rolling
from collector.costs.steps import Step, StepKey, is_below, is_reached
from collector.errand import Errand
from collector.homefile import HomeFile
from collector.spending import Spending, Standing
from collector.store.reader import Reader

__all__ = ["BudgetSteps"]

_log = structlog.get_logger("collector.budget_steps")


@dataclass(frozen=True)
class _Case:
    """One step for one agent, or for all of a budget together, as spending stands."""

    budget: SpendBudget
    step: Step
    agent: str | None
    standing: Standing

    @property
    def rolls(self) -> bool:
        return isinstance(self.budget.period, Rolling)

    @property
    def series(self) -> str:
        since = None if self.rolls else self.standing.since
        return StepKey(self.budget.name, self.agent, self.budget.amount_usd, self.step, since).text

    @property
    def is_reached(self) -> bool:
        return is_reached(self.standing.spent.usd, self.budget.amount_usd, self.step.at)

    @property
    def is_below(self) -> bool:
        usd, step = self.standing.spent.usd, self.step
        return is_below(usd, self.budget.amount_usd, step.rearmed_below)

    @property
    def body(self) -> dict[str, Any]:
        hold = self.step.hold
        return {
            "series": self.series,
            "rolling": self.rolls,
            "budget": self.budget.name,
            "agent": self.agent,
            "act": self.step.act.value,
            "hold": None if hold is None else hold.value,
            "at": self.step.at,
            "lasts_s": int(self.step.lasts.total_seconds()),
            "models": dict(self.step.models),
            "amount_usd": self.budget.amount_usd,
            "usd": self.standing.spent.usd,
            "unpriced_calls": self.standing.spent.unpriced_calls,
            "since": self.standing.since.isoformat(),
            "sample": self.standing.sample,
        }


class BudgetSteps(Errand):
    """Carries each step that is reached to the control process."""

    def __init__(
        self,
        reader: Reader,
        budgets: HomeFile[tuple[SpendBudget, ...]],
        control_url: str,
        token_path: Path,
        now: Callable[[], datetime],
        every_s: float = 10.0,
    ) -> None:
        super().__init__(control_url, token_path, every_s)
        self._reader = reader
        self._budgets = budgets
        self._now = now
        # What control has answered; lost with the process, and then told once more.
        self._told: set[str] = set()
        self._armed: set[str] | None = None

    def _failed(self, reason: str) -> None:
        # What control holds may have changed with it, so ask again.
        self._armed = None
        _log.warning("budget_steps_not_told", reason=reason)

    async def _tell_all(self, client: httpx.AsyncClient) -> int:
        acting = tuple(budget for budget in self._budgets.current() if budget.steps)
        if not acting:
            return 0
        cases = await asyncio.to_thread(self._cases, acting)
        if self._armed is None and any(case.rolls for case in cases):
            answer = await self._asked(client, "GET", "/v1/budget-steps/armed")
            self._armed = set(answer.json()["series"])
        reached = {case.series: case for case in cases if case.is_reached}
        self._told &= reached.keys()
        for case in cases:
            if case.rolls and case.is_below:
                await self._rearm(client, case)
        news = [case for series, case in reached.items() if series not in self._told]
        for case in news:
            await self._take(client, case)
        return len(news)

    def _cases(self, budgets: tuple[SpendBudget, ...]) -> list[_Case]:
        found = Spending(self._reader, self._now()).of(budgets)
        return [case for standing in found for case in _cases_of(standing)]

    async def _take(self, client: httpx.AsyncClient, case: _Case) -> None:
        answer = await self._asked(client, "POST", "/v1/budget-steps", case.body)
        told = {"budget": case.budget.name, "agent": case.agent, "at": case.step.at}
        if answer.is_success:
            _log.info("budget_step_told", **told, state=answer.json()["state"])
        else:
            _log.warning("budget_step_refused", **told, reason=answer.text[:500])
        self._told.add(case.series)
        if case.rolls and self._armed is not None:
            self._armed.add(case.series)

    async def _rearm(self, client: httpx.AsyncClient, case: _Case) -> None:
        if self._armed is None or case.series not in self._armed:
            return
        await self._asked(client, "POST", "/v1/budget-steps/rearm", {"series": case.series})
        self._armed.discard(case.series)


def _cases_of(standing: Standing) -> Iterator[_Case]:
    budget = standing.budget
    if budget is None:
        return
    for step in budget.steps:
        # A hold restricts one agent, so together each of those named.
        held = budget.agents if budget.together and step.hold is not None else (standing.agent,)
        for agent in held:
            yield _Case(budget, step, agent, standing)
