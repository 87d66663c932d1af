"""Answers about audit records of the governance toolkit: the newest stretch and an older one."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from fake_answers.common import NOW, TIME, TRACE_ID, Fleet, Parameters, Row, ago, only

# Where the newest stretch begins; what is older is told when it is asked for.
EDGE = ago(hours=6)
WORST = ("invalid", "contradicted", "chain_broken", "not_checkable", "valid")


def record(number: int, result: str, reason: str | None = None, **told: Any) -> Row:
    row: Row = {
        "told_at": NOW - timedelta(minutes=7 * number),
        "agent": ("courier", "rogue")[number % 2],
        "sample": False,
        "record_id": f"audit_{number:04}",
        "kind": "hash_chain",
        "told_by": "bridge",
        "result": result,
        "reason": reason,
        "policy_decision": "allow",
        "outcome": "allow",
        "decided": "allow",
        "left_out": ["policy_decision", "matched_rule"][: 1 + number % 2],
        "chain": "8f0c",
        "position": 900 - number,
        "decision_id": f"dec-{number:05}",
        "trace_id": TRACE_ID,
    }
    return {**row, **told}


RECORDS: tuple[Row, ...] = (
    record(3, "invalid", "its content does not have the hash it names"),
    record(
        5,
        "contradicted",
        "policy_decision says allow; outcome, which the hash covers, says deny",
        outcome="deny",
        decided="deny",
    ),
    record(8, "chain_broken", "record 891 of its chain never came"),
    record(
        9,
        "not_checkable",
        "the key is not known here",
        kind="hmac",
        told_by="cloudevent",
        left_out=[],
        chain=None,
        position=None,
    ),
    *(record(number, "valid") for number in range(10, 40)),
    record(60, "chain_broken", "record 839 of its chain never came"),
    *(record(number, "valid") for number in range(61, 80)),
)


def within(parameters: Parameters) -> list[Row]:
    until = datetime.fromisoformat(parameters["until"])
    newest = until > EDGE
    rows = [row for row in RECORDS if (row["told_at"] >= EDGE) == newest and row["told_at"] < until]
    agent = parameters.get("agent")
    return [row for row in rows if agent in (None, row["agent"])]


def reverified(fleet_: Fleet, parameters: Parameters) -> pl.DataFrame:
    rows = [] if fleet_.empty else within(parameters)
    since, until = (datetime.fromisoformat(parameters[name]) for name in ("since", "until"))
    newest = until > EDGE > since and not fleet_.empty
    results = Counter((row["kind"], row["result"]) for row in rows)
    left_out = Counter(name for row in rows for name in row["left_out"])
    counted = {
        "looked_from": EDGE if newest else since,
        "looked_until": until,
        "is_whole": not newest,
        "records": len(rows),
        "left": sum(row["told_at"] < EDGE for row in RECORDS) if newest else 0,
        "skipped": 0,
        "keys": 0,
        "key_error": None,
        "results": [
            {"kind": kind, "result": result, "records": records}
            for (kind, result), records in sorted(
                results.items(), key=lambda item: WORST.index(item[0][1])
            )
        ],
        "left_out": [
            {"field": field, "records": records} for field, records in left_out.most_common()
        ],
    }
    kinds = pl.Struct({"kind": pl.String, "result": pl.String, "records": pl.Int64})
    fields = pl.Struct({"field": pl.String, "records": pl.Int64})
    return pl.DataFrame(
        [counted],
        schema_overrides={
            "looked_from": TIME,
            "looked_until": TIME,
            "key_error": pl.String,
            "results": pl.List(kinds),
            "left_out": pl.List(fields),
        },
    )


def reverification(_: Fleet, parameters: Parameters) -> pl.DataFrame:
    rows = sorted(within(parameters), key=lambda row: WORST.index(row["result"]))
    types = {
        "told_at": TIME,
        "left_out": pl.List(pl.String),
        "chain": pl.String,
        "position": pl.Int64,
        "reason": pl.String,
    }
    frame = pl.DataFrame(rows or list(RECORDS), schema_overrides=types, infer_schema_length=None)
    return only(frame.head(100) if rows else frame.clear(), "result", parameters)


ANSWERS = (reverified, reverification)
