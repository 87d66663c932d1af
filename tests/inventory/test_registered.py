"""What is registered against what was observed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.inventory.inventory_file import read_inventory
from collector.inventory.registered import Component, ComponentKind, Registered, judged
from collector.slo.marked import Refusal

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
HEAD = "apiVersion: watchkeeper/v1\nkind: Inventory\n"
names = st.sampled_from(["gpt-4o", "gpt-4o-mini", "claude", "look", "lookup", "*", "gpt-*", ""])


def seen(kind: str, name: str, days_ago: float = 0, version: str | None = None) -> dict[str, Any]:
    return {
        "kind": kind,
        "name": name,
        "version": version,
        "last_seen": NOW - timedelta(days=days_ago),
    }


def standings(registered: Registered, *rows: dict[str, Any]) -> dict[str, str | None]:
    return {row["name"]: row["standing"] for row in judged(registered, rows, NOW)}


def test_what_nobody_registered_is_told_from_what_never_came() -> None:
    registered = read_inventory(HEAD + "models: [gpt-4o, claude-sonnet-4-5]\n")

    assert standings(registered, seen("model", "gpt-4o"), seen("model", "llama")) == {
        "gpt-4o": "registered",
        "llama": "unregistered",
        "claude-sonnet-4-5": "missing",
    }


def test_a_kind_without_a_list_is_not_judged_and_an_empty_list_allows_none() -> None:
    registered = read_inventory(HEAD + "tools: []\n")

    assert standings(registered, seen("model", "gpt-4o"), seen("tool", "look")) == {
        "gpt-4o": None,
        "look": "unregistered",
    }


def test_what_was_not_seen_for_long_is_missing() -> None:
    registered = read_inventory(HEAD + "missing_after_days: 7\nagents: [clerk, planner]\n")

    assert standings(registered, seen("agent", "clerk", 6), seen("agent", "planner", 8)) == {
        "clerk": "registered",
        "planner": "missing",
    }


def test_a_star_stands_for_any_text_and_an_exact_name_decides_first() -> None:
    registered = read_inventory(
        HEAD
        + "models: [{name: 'gpt-*', owner: platform},"
        + " {name: gpt-4o, owner: finance, signer: acme}]\n"
    )

    rows = {
        row["name"]: row
        for row in judged(registered, [seen("model", "gpt-4o"), seen("model", "gpt-5")], NOW)
    }
    assert (rows["gpt-4o"]["owner"], rows["gpt-4o"]["signed"]) == ("finance", True)
    assert (rows["gpt-5"]["owner"], rows["gpt-5"]["signed"]) == ("platform", None)


def test_a_version_that_is_not_registered_is_unregistered() -> None:
    registered = read_inventory(HEAD + "instrumentations: [{name: otel, version: '1.*'}]\n")

    old, new = (
        seen("instrumentation", "otel", version="1.3"),
        seen("instrumentation", "otel", version="2.0"),
    )
    assert [row["standing"] for row in judged(registered, [old, new], NOW)] == [
        "registered",
        "unregistered",
    ]


@given(
    st.lists(names.filter(bool), max_size=4, unique=True),
    st.lists(st.tuples(names, st.floats(0, 60)), max_size=6),
)
def test_every_observed_row_is_told_once_and_every_registered_one_is_met_or_missing(
    registered_names: list[str], observed: list[tuple[str, float]]
) -> None:
    registered = Registered(
        tuple(Component(ComponentKind.MODEL, name) for name in registered_names),
        frozenset({ComponentKind.MODEL}),
    )
    rows = [seen("model", name, age) for name, age in observed]

    told = list(judged(registered, rows, NOW))

    assert [row["name"] for row in told[: len(rows)]] == [row["name"] for row in rows]
    never = {row["name"] for row in told[len(rows) :]}
    assert never <= set(registered_names)
    assert all(row["standing"] == "missing" for row in told[len(rows) :])
    for row in told[: len(rows)]:
        assert (row["standing"] == "unregistered") == (
            registered.find("model", row["name"], None) is None
        )


@pytest.mark.parametrize(
    ("line", "text", "reason"),
    [
        (3, HEAD + "models: gpt-4o\n", "expected a list"),
        (3, HEAD + "machines: [x]\n", "not a known field"),
        (4, HEAD + "models:\n- {version: '1'}\n", "name is missing"),
        (4, HEAD + "models:\n- {name: m, version: 1.2}\n", "in quotes"),
        (4, HEAD + "models:\n- {name: m, sha256: abc}\n", "64 hex digits"),
        (5, HEAD + "models:\n- m\n- m\n", "registered twice"),
        (4, HEAD + "models:\n- '*a*b*c*'\n", "at most 3 stars"),
        (3, HEAD + "missing_after_days: 0\n", "1 to 3660 days"),
        (2, "apiVersion: watchkeeper/v1\nkind: Stock\n", "expected Inventory"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(line: int, text: str, reason: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_inventory(text)

    assert reason in refused.value.reason
    assert refused.value.line == line


def test_a_long_hostile_name_is_held_against_stars_at_once() -> None:
    """With backtracking this name alone would take hours, and nobody else could work."""
    registered = read_inventory(HEAD + 'tools: ["*a*a*b"]\n')

    assert standings(registered, seen("tool", "a" * 256 * 1024)) == {
        "a" * 256 * 1024: "unregistered",
        "*a*a*b": "missing",
    }


def _slowly(pattern: str, text: str) -> bool:
    """Whether a pattern fits, as its definition says."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(_slowly(pattern[1:], text[at:]) for at in range(len(text) + 1))
    return text[:1] == pattern[0] and _slowly(pattern[1:], text[1:])


@given(st.text("ab*", max_size=6), st.text("ab*", max_size=8))
def test_a_star_stands_for_any_text(pattern: str, text: str) -> None:
    assert Component(ComponentKind.TOOL, pattern).fits(text, None) == _slowly(pattern, text)


def test_ten_thousand_entries_are_read_and_asked() -> None:
    listed = "".join(f"  - tool-{number}\n" for number in range(9_000))
    registered = read_inventory(f"{HEAD}tools:\n{listed}")

    rows = [seen("tool", f"tool-{number}") for number in range(9_000)]

    assert set(standings(registered, *rows).values()) == {"registered"}
