"""Each question over a few given rows, read like a table: given.yaml in, expect.yaml out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from collector.queries import Queries

CASES = Path(__file__).parent / "sql_cases"


def cases() -> list[Any]:
    folders = sorted(CASES.glob("*/*"))
    return [pytest.param(folder, id=f"{folder.parent.name}/{folder.name}") for folder in folders]


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


@pytest.mark.parametrize("folder", cases())
def test_a_question_over_given_rows_answers_as_expected(
    folder: Path, queries: Queries, given: Any
) -> None:
    given(load(folder / "given.yaml"))
    expect = load(folder / "expect.yaml")

    rows = queries.ask(folder.parent.name, expect.get("ask") or {}).to_pylist()

    assert [shown(row, like) for row, like in zip(rows, expect["rows"], strict=False)] == expect[
        "rows"
    ]
    assert len(rows) == len(expect["rows"])


def shown(row: dict[str, Any], like: dict[str, Any]) -> dict[str, Any]:
    return {name: pytest.approx(row[name]) if _is_number(row[name]) else row[name] for name in like}


def _is_number(value: object) -> bool:
    return isinstance(value, float)


def test_every_question_has_a_case(queries: Queries) -> None:
    asked = {folder.name for folder in CASES.iterdir()}

    names = {each["name"] for each in queries.listing() if not each["name"].startswith("evidence_")}

    assert names == asked


def test_the_columns_a_question_promises_are_the_columns_it_answers(queries: Queries) -> None:
    sent = {
        "since": "2026-01-15T11:00:00Z",
        "until": "2026-01-15T12:00:00Z",
        "agent": "clerk",
        "trace_id": "0" * 32,
        "at": "2026-01-15T12:00:00Z",
        "decision_id": "d1",
    }
    for question in queries.listing():
        parameters = {each["name"] for each in question["parameters"] if each["required"]}
        table = queries.ask(question["name"], {name: sent[name] for name in parameters})

        assert not question["columns"] or table.column_names == question["columns"]
