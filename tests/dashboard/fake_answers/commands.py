"""What is proven of commands."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import polars as pl

from fake_answers.common import TIME, Fleet, Parameters, Row, ago, only


def proof(name: str, kind: str, asked: float, **phases: Any) -> Row:
    empty = dict.fromkeys(
        [
            "signed_at",
            "delivered_at",
            "acked_at",
            "enforced_at",
            "enforced_decision_id",
            "contradicted_at",
            "released_at",
            "expired_at",
        ]
    )
    return {
        "command_id": f"cmd-{name}",
        "hold_id": f"hold-{name}",
        "kind": kind,
        "agent": name.split(":")[0],
        "actor": "admin",
        "origin": "human",
        "reason": "sends customer data outside",
        "requested_at": ago(minutes=asked),
        **empty,
        "actions_after_ack": 0,
        "expires_at": ago(minutes=asked) + timedelta(hours=1),
        "phase": "acked",
        "sample": False,
        **phases,
    }


def command_proof(_: Fleet, parameters: Parameters) -> pl.DataFrame:
    def after(minutes: float, seconds: float) -> datetime:
        return ago(minutes=minutes) + timedelta(seconds=seconds)

    rows = [
        proof(
            "rogue",
            "kill",
            31,
            signed_at=after(31, 0.02),
            delivered_at=after(31, 0.11),
            acked_at=after(31, 0.34),
            enforced_at=after(31, 1.9),
            enforced_decision_id="dec-00000",
            phase="enforced",
        ),
        proof(
            "courier",
            "degrade",
            22,
            signed_at=after(22, 0.02),
            delivered_at=after(22, 0.2),
            acked_at=after(22, 0.9),
            contradicted_at=after(20, 12),
            actions_after_ack=3,
            phase="contradicted",
        ),
        proof(
            "clerk",
            "pause",
            400,
            signed_at=after(400, 0.02),
            delivered_at=after(400, 0.2),
            acked_at=after(400, 0.5),
            enforced_at=after(399, 3),
            released_at=after(360, 0),
            phase="released",
        ),
        proof(
            "sample-archivist",
            "kill",
            14,
            signed_at=after(14, 0.02),
            phase="signed",
            sample=True,
        ),
    ]
    times = [name for name in rows[0] if name.endswith("_at")]
    frame = pl.DataFrame(
        rows,
        schema_overrides={**dict.fromkeys(times, TIME), "enforced_decision_id": pl.String},
        infer_schema_length=None,
    )
    return only(frame, "hold_id", parameters).head(int(parameters.get("limit", "100")))


ANSWERS = (command_proof,)
