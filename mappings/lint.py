"""A dead citation fails: every control names a provision and a query that exist."""

from __future__ import annotations

from collections import Counter

from mappings import load
from mappings.model import Framework


def problems(framework_id: str) -> list[str]:
    """Everything wrong with a framework's mapping, in words; empty when nothing is."""
    framework = load.framework(framework_id)
    return [*_catalogue(framework), *_controls(framework)]


def _catalogue(framework: Framework) -> list[str]:
    counted = Counter(requirement.id for requirement in framework.requirements)
    repeated = [f"{name} stands {n} times in the catalogue" for name, n in counted.items() if n > 1]
    wrong = [
        f"{requirement.id} cites {requirement.ref}, which is draft numbering"
        for requirement in framework.requirements
        if any(requirement.ref == reference for reference in framework.wrong_references)
    ]
    return repeated + wrong


def _controls(framework: Framework) -> list[str]:
    known = {requirement.id for requirement in framework.requirements}
    queries = load.evidence_queries()
    found = []
    for control in load.controls(framework.id):
        if control.requirement not in known:
            found.append(f"{control.requirement} is not in the catalogue {framework.id}")
        if control.evidence not in queries:
            found.append(f"{control.requirement} names the query {control.evidence}: no such file")
    return found
