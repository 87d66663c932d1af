"""What a collector says happened in one scenario, in the same shape as the script's own log."""

from __future__ import annotations

from collections import Counter
from typing import Any, Protocol

Facts = dict[str, Any]


class Answers(Protocol):
    """Whatever answers SQL over the public views."""

    def rows(self, sql: str) -> list[dict[str, Any]]: ...


def told(collector: Answers, instance: str) -> Facts:
    """What the collector knows of the process with this service.instance.id."""
    runs = collector.rows(f"select * from runs where instance = '{instance}'")
    actions = collector.rows(f"select * from actions where instance = '{instance}'")
    models = [row for row in actions if row["kind"] == "model"]
    tools = [row for row in actions if row["kind"] == "tool"]
    return {
        "agents": sorted({row["agent"] for row in runs + actions}),
        "conversations": _distinct(row["conversation_id"] for row in runs),
        "runs": _counted(row["outcome"] for row in runs),
        "errors": _counted(_plain(row["error_type"]) for row in runs if row["error_type"]),
        "models": _counted(row["model"] or "not told" for row in models),
        "input_tokens": _total(row["input_tokens"] for row in models),
        "output_tokens": _total(row["output_tokens"] for row in models),
        "executed": _counted(_tool(row["name"]) for row in tools if row["outcome"] == "ok"),
        "refused": _refused(collector, instance),
    }


def happened(truth: dict[str, Any]) -> Facts:
    """The same of the script's own log: what a collector should say if nothing were lost."""
    calls = truth["model_calls"]
    refused = _refusals(truth)
    return {
        "agents": [truth["agent"]],
        "conversations": [truth["conversation"]],
        "runs": {"denied" if refused else "ok": len(truth["runs"])},
        "errors": _counted(run["ended_by"] for run in truth["runs"] if run["ended_by"]),
        "models": _counted(call["model"] for call in calls),
        "input_tokens": _total(call["input_tokens"] for call in calls),
        "output_tokens": _total(call["output_tokens"] for call in calls),
        "executed": _counted(truth["executed"]),
        "refused": refused,
    }


def shown(collector: Answers, instance: str) -> Facts:
    """What the spans alone show: the payment that did not happen, and calls told twice."""
    spans = collector.rows(
        f"""
        select op, tool_name, status_code, error_type
        from spans
        where instance = '{instance}' and op in ('agent', 'model', 'tool', 'retrieval', 'embedding')
        """
    )
    counted = collector.rows(
        f"""
        select count(*) as n
        from (
            select run_id from runs where instance = '{instance}'
            union all
            select action_id from actions where instance = '{instance}'
        )
        """
    )[0]["n"]
    payments = [
        row for row in spans if row["op"] == "tool" and _tool(row["tool_name"]) == "transfer"
    ]
    return {"denied_call": _denied_call(payments), "copies": len(spans) - counted}


def _denied_call(payments: list[dict[str, Any]]) -> str:
    if not payments:
        return "no span"
    failed = any(row["status_code"] == 2 or row["error_type"] for row in payments)
    return "as an error" if failed else "as a success"


def _refusals(truth: dict[str, Any]) -> dict[str, int]:
    """What was wanted and not executed; the first model call, where no model was called."""
    if not truth["model_calls"]:
        return {"fake-large": 1}
    wanted = Counter(call["wanted"] for call in truth["model_calls"] if call["wanted"])
    return dict(wanted - Counter(truth["executed"]))


def _refused(collector: Answers, instance: str) -> dict[str, int]:
    """Calls that were stopped, by the decisions told in the traces of this process or by it."""
    return _counted(
        row["action"]
        for row in collector.rows(
            f"""
            select d.action
            from decisions as d
            inner join logs as l
                on l.attributes ->> '$."watchkeeper.decision.id"' = d.decision_id
            where d.effect in ('blocked', 'held') and l.instance = '{instance}'
            """
        )
    )


def _plain(error_type: str) -> str:
    """An exception's name without its module; a whole sentence stays as it is."""
    return error_type if " " in error_type else error_type.rpartition(".")[2]


def _tool(name: str) -> str:
    """Semantic Kernel calls a tool plugin-function."""
    return name.rpartition("-")[2]


def _counted(values: Any) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))


def _distinct(values: Any) -> list[str]:
    return sorted({value for value in values if value is not None})


def _total(values: Any) -> int | None:
    measured = [value for value in values if value is not None]
    return sum(measured) if measured else None
