"""Answers about what came in and what is missing."""

from __future__ import annotations

import polars as pl

from fake_answers.common import TIME, Fleet, Parameters, Row, ago

SENDERS: tuple[Row, ...] = (
    {
        "signal": "logs",
        "service_name": "clerk",
        "instance": "clerk-7f9c",
        "stored": 9_106,
        "gaps": 2,
        "presence": "not_measured",
        "clock": "agrees",
        "least_lag_ms": 38.0,
        "quiet_s": 4.0,
    },
    {
        "signal": "metrics",
        "service_name": "courier",
        "instance": "courier-1",
        "stored": 2_880,
        "presence": "silent",
        "interval_s": 60.0,
        "quiet_s": 840.0,
        "clock": "agrees",
        "least_lag_ms": 12.0,
        "dropped": 0,
    },
    {
        "signal": "traces",
        "service_name": "rogue",
        "instance": "rogue-1",
        "stored": 497,
        "presence": "not_measured",
        "clock": "ahead",
        "future": 31,
        "least_lag_ms": -90_400.0,
        "dropped": 112,
        "cut_off": 8,
        "sample": True,
        "quiet_s": 21.0,
    },
)
_SENDER: Row = {
    "source": "otlp-grpc",
    "signal": "",
    "service_name": None,
    "instance": None,
    "sample": False,
    "requests": 400,
    "stored": 0,
    "gaps": None,
    "future": 0,
    "least_lag_ms": None,
    "median_lag_ms": 900.0,
    "p95_lag_ms": 5_200.0,
    "cut_off": 0,
    "dropped": None,
    "first_seen": ago(days=2),
    "last_seen": ago(seconds=4),
    "presence": "not_measured",
    "interval_s": None,
    "quiet_s": None,
    "longest_s": None,
    "silences": None,
    "clock": "not_measured",
}


def senders(_: Fleet, __: Parameters) -> pl.DataFrame:
    rows = [_SENDER | sender for sender in SENDERS]
    return pl.DataFrame(rows, schema_overrides={"first_seen": TIME, "last_seen": TIME})


def sources(fleet_: Fleet, __: Parameters) -> pl.DataFrame:
    counted = {"logs": (9_120, 0, 14), "traces": (500, 3, 0), "metrics": (2_880, 0, 0)}
    rows = [
        {
            "source": "otlp-grpc",
            "signal": sender["signal"],
            "received": received,
            "stored": received - refused - duplicate,
            "refused": refused,
            "duplicate": duplicate,
            "gaps": sender.get("gaps"),
            "last_seen": ago(seconds=4),
            "sample": sender.get("sample", False),
            "senders": 1,
            "rhythmic": int("interval_s" in sender),
            "silent": int(sender["presence"] == "silent") if "interval_s" in sender else None,
            "silences": None,
            "least_lag_ms": sender["least_lag_ms"],
            "median_lag_ms": 900.0,
            "p95_lag_ms": 5_200.0,
            "clock": sender["clock"],
            "future": sender.get("future", 0),
            "cut_off": sender.get("cut_off", 0),
            "dropped": sender.get("dropped"),
        }
        for sender in SENDERS
        for received, refused, duplicate in (counted[sender["signal"]],)
    ]
    frame = pl.DataFrame(rows, schema_overrides={"last_seen": TIME})
    return frame.clear() if fleet_.empty else frame


def sequence_gaps(_: Fleet, __: Parameters) -> pl.DataFrame:
    row = {
        "source": "otlp-grpc",
        "signal": "logs",
        "service_name": "clerk",
        "instance": "clerk-7f9c",
        "sample": False,
        "stream": "019bbf00-0000-7000-8000-000000000001",
        "first_missing": 412,
        "last_missing": 413,
        "missing": 2,
        "noticed_at": ago(minutes=31),
    }
    return pl.DataFrame([row], schema_overrides={"noticed_at": TIME})


def intake(_: Fleet, parameters: Parameters) -> pl.DataFrame:
    rows = [
        {
            "bucket": ago(minutes=15 * (96 - step)),
            "source": "otlp-grpc",
            "signal": signal,
            "received": 40 + (step * 7) % 31 + refused,
            "stored": 40 + (step * 7) % 31 - (step % 3 == 0),
            "refused": refused,
            "duplicate": int(step % 3 == 0),
        }
        for step in range(96)
        for signal, refused in (("logs", 0), ("traces", 3 * (step == 90)))
        if signal in parameters.get("signal", signal)
    ]
    return pl.DataFrame(rows, schema_overrides={"bucket": TIME})


def refused_reasons(_: Fleet, parameters: Parameters) -> pl.DataFrame:
    row = {
        "reason": "invalid_span_id",
        "source": "otlp-grpc",
        "signal": "traces",
        "records": 3,
        "set_aside": None,
        "last_at": ago(minutes=7),
        "example": "expected 8 bytes, got 4",
        "remedy": "Send the span id as 8 bytes that are not all zero (16 hexadecimal digits).",
    }
    frame = pl.DataFrame([row], schema_overrides={"last_at": TIME})
    return frame if parameters.get("signal", "traces") == "traces" else frame.clear()


def refused(_: Fleet, parameters: Parameters) -> pl.DataFrame:
    row = {
        "received_at": ago(minutes=7),
        "received_ns": int(ago(minutes=7).timestamp()) * 10**9,
        "source": "otlp-grpc",
        "signal": "traces",
        "reason": "invalid_span_id",
        "records": 3,
        "detail": "expected 8 bytes, got 4",
        "set_aside": None,
    }
    frame = pl.DataFrame([row], schema_overrides={"received_at": TIME, "set_aside": pl.String})
    return frame if parameters.get("signal", "traces") == "traces" else frame.clear()


ANSWERS = (
    sources,
    senders,
    sequence_gaps,
    intake,
    refused_reasons,
    refused,
)
