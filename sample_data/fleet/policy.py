"""The local policy of the sample agents: a list of forbidden tools, and an event per verdict."""

from __future__ import annotations

from watchkeeper_agent import Guard


class PolicyDenied(Exception):
    """The policy forbids this tool."""


class LocalPolicy:
    """Allows every tool but the forbidden ones, and tells each verdict."""

    def __init__(self, guard: Guard, name: str, forbidden: frozenset[str] = frozenset()) -> None:
        self._guard = guard
        self._name = name
        self._forbidden = forbidden

    def check(self, tool: str) -> None:
        """Raise PolicyDenied if this tool is forbidden."""
        if tool in self._forbidden:
            self._tell(tool, "deny", f"forbid-{tool.replace('_', '-')}")
            raise PolicyDenied(f"{tool} is forbidden by policy {self._name}")
        self._tell(tool, "allow", "allow-known-tools")

    def _tell(self, tool: str, verdict: str, rule: str) -> None:
        self._guard.report(tool, verdict, reason_code=rule, policy=self._name, rule=rule)
