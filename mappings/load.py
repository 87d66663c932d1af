"""Reading frameworks, controls and evidence queries from the files of this package."""

from __future__ import annotations

import hashlib
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from mappings.model import Control, EvidenceMode, EvidenceQuery, Framework, Requirement


def framework_ids() -> list[str]:
    """Every framework that this package knows."""
    return sorted(
        entry.name.removesuffix(".yaml")
        for entry in (files("mappings") / "frameworks").iterdir()
        if entry.name.endswith(".yaml")
    )


@cache
def framework(framework_id: str) -> Framework:
    """A catalogue by its id.

    Raises KeyError naming the known ones when there is no such framework.
    """
    if framework_id not in framework_ids():
        raise KeyError(f"no framework {framework_id!r}; known: {', '.join(framework_ids())}")
    document = _yaml(f"frameworks/{framework_id}.yaml")
    head = document["framework"]
    return Framework(
        id=head["id"],
        title=head["title"],
        verified_on=date.fromisoformat(head["verified_on"]),
        requirements=tuple(_requirement(entry) for entry in document["requirements"]),
        wrong_references=tuple(head.get("wrong_numbers_to_reject", {})),
    )


@cache
def controls(framework_id: str) -> tuple[Control, ...]:
    """Which queries evidence which provisions of a framework."""
    document = _yaml(f"controls/{framework_id}.yaml")
    author, decided_on = document["author"], date.fromisoformat(document["decided_on"])
    return tuple(
        Control(
            requirement=entry["requirement"],
            evidence=entry["evidence"],
            allowed_exceptions=entry["allowed_exceptions"],
            minimum_population=entry["minimum_population"],
            rationale=entry["rationale"],
            author=author,
            decided_on=decided_on,
        )
        for entry in document["controls"]
    )


@cache
def evidence_queries() -> dict[str, EvidenceQuery]:
    """Every evidence query by its id."""
    names = sorted(e.name for e in (files("mappings") / "evidence").iterdir())
    found = (_evidence_query(name) for name in names if name.endswith(".sql"))
    return {query.id: query for query in found}


def _evidence_query(name: str) -> EvidenceQuery:
    """A query file opens with four comment lines: title, population, exception, what is bound."""
    sql = (files("mappings") / "evidence" / name).read_text(encoding="utf-8")
    title, population, exception = (
        line.removeprefix("--").strip().partition(": ") for line in sql.splitlines()[:3]
    )
    if (population[0], exception[0]) != ("Population", "Exception"):
        raise ValueError(f"{name}: the second and third line name Population and Exception")
    return EvidenceQuery(
        id=name.removesuffix(".sql"),
        title="".join(title).rstrip("."),
        population=population[2].rstrip("."),
        exception=exception[2].rstrip("."),
        sql=sql,
        sha256=hashlib.sha256(sql.encode()).hexdigest(),
    )


def _requirement(entry: dict[str, Any]) -> Requirement:
    return Requirement(
        id=entry["id"],
        ref=entry["ref"],
        title=entry["title"],
        paraphrase=entry["paraphrase"],
        roles=tuple(entry["roles"]),
        applies_from=date.fromisoformat(entry["applies_from"]),
        mode=EvidenceMode(entry["mode"]),
        can=tuple(entry["can"]),
        cannot=tuple(entry["cannot"]),
        events=tuple(entry["events"]),
        source=entry["source"],
    )


def _yaml(path: str) -> dict[str, Any]:
    text = (files("mappings") / path).read_text(encoding="utf-8")
    return dict(yaml.safe_load(text))
