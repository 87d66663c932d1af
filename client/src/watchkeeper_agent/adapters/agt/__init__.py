"""Microsoft Agent Governance Toolkit: its policy decides, ours may only say no as well.

`governed(guard, send)` asks the guard before AGT's `govern()` wrapper does, so a killed
agent does not even reach its policy. `obey_kill_switch` makes AGT's own KillSwitch stop
this agent for good: every later hook refuses until the process ends.

`bridge()` is for telling, not for obeying: what AGT decides in this process, and what it
does to agents, becomes OpenTelemetry events. It decides nothing itself.

    hooks.py       how a method of AGT is listened to
    table.py       which methods those are
    verdicts.py    what its words for a verdict mean
    govern.py      govern(), its engine and rings
    kernels.py     kernels, gateway, integrations, escalations and budgets
    incoming.py    answers and definitions of tools, texts and peers
    happenings.py  trust, rings, kills, signals and quarantine
    reliability.py lifecycles, breakers, objectives, incidents and cost
    records.py     audit records
    teller.py      a queue and a thread: AGT never waits for the telling
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from watchkeeper_agent.adapters.agt.bridge import Bridge, bridge
from watchkeeper_agent.guard import Guard
from watchkeeper_agent.rules import Stage

__all__ = ["Bridge", "bridge", "governed", "obey_kill_switch"]

R = TypeVar("R")


class KillSwitch(Protocol):
    """The part of `hypervisor.security.kill_switch.KillSwitch` that is used."""

    def register_agent(self, agent_did: str, process_handle: Callable[[], None]) -> None: ...


def governed(guard: Guard, call: Callable[..., R], name: str | None = None) -> Callable[..., R]:
    """Ask the guard, then the AGT-governed callable."""
    guard.hooked(Stage.TOOL.value)
    tool = name or str(getattr(call, "__name__", type(call).__name__))

    @functools.wraps(call)
    def asked(*args: Any, **kwargs: Any) -> R:
        guard.check_tool(tool, {"args": args, "kwargs": kwargs})
        return call(*args, **kwargs)

    return asked


def obey_kill_switch(guard: Guard, switch: KillSwitch, agent_did: str) -> None:
    """`KillSwitch.kill(agent_did, …)` then answers `terminated=True`, and means it."""
    switch.register_agent(agent_did, functools.partial(guard.restrict, "kill", "agt.kill_switch"))
