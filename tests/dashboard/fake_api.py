"""A small real HTTP server that answers both APIs about a seeded fleet.

It speaks the documented paths and columns, so the dashboard under test talks
HTTP and Arrow as it does to the real processes. Run it alone to look around:
``python tests/dashboard/fake_api.py``; it prints both addresses.
"""

from __future__ import annotations

import io
import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import polars as pl
from fake_answers import QUERIES
from fake_answers.commands import command_proof
from fake_answers.common import AGENTS, NOW, Fleet, Parameters, Row, ago
from fake_answers.costs import budget_steps
from polars import selectors


def frame_bytes(frame: pl.DataFrame) -> bytes:
    """The stream as the collector sends it: DuckDB names its zone Etc/UTC."""
    buffer = io.BytesIO()
    zoned = frame.with_columns(selectors.datetime(time_zone="*").dt.convert_time_zone("Etc/UTC"))
    zoned.write_ipc_stream(buffer)
    return buffer.getvalue()


class Refusal(Exception):
    """An answer other than yes, as the APIs word it."""

    def __init__(self, status: int, code: str, message: str, field_name: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"code": code, "message": message, "field": field_name}}


class Handler(BaseHTTPRequestHandler):
    """Routes by method and path; one subclass for each process."""

    fleet: Fleet

    def do_GET(self) -> None:
        self._answer("get")

    def do_POST(self) -> None:
        self._answer("post")

    def do_DELETE(self) -> None:
        self._answer("delete")

    def log_message(self, *_: Any) -> None:
        return

    def body(self) -> Row:
        length = int(self.headers.get("content-length") or 0)
        parsed: Row = json.loads(self.rfile.read(length) or b"{}")
        return parsed

    def _answer(self, method: str) -> None:
        url = urlsplit(self.path)
        try:
            self.route(method, url.path, dict(parse_qsl(url.query)))
        except Refusal as refusal:
            self.say(refusal.status, refusal.body)

    def route(self, method: str, path: str, parameters: Parameters) -> None:
        raise NotImplementedError

    def say(self, status: int, body: Any, kind: str = "application/json") -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body, default=str).encode()
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


ARROW = "application/vnd.apache.arrow.stream"
# It counts; of nothing, too.
ALWAYS_ANSWERED = ("reverified",)


STORE: Row = {
    "wal_lag_records": 3,
    "wal_lag_bytes": 81_920,
    "disk_free_bytes": 118_000_000_000,
    "disk_floor_bytes": 536_870_912,
    "traces_not_derived": 0,
    "shortage": None,
}


class Collector(Handler):
    """The query API."""

    def route(self, method: str, path: str, parameters: Parameters) -> None:
        if path.startswith("/v1/query/"):
            return self.query(path.removeprefix("/v1/query/"), parameters)
        if path == "/v1/meta":
            return self.say(200, self.meta())
        if path == "/v1/intake":
            return self.say(200, STORE)
        if path.startswith("/v1/reports"):
            return self.reports(method, path)
        raise Refusal(404, "unknown_path", f"no such path {path}")

    def query(self, name: str, parameters: Parameters) -> None:
        if name not in QUERIES:
            raise Refusal(404, "unknown_query", f"expected one of the listed queries, got {name}")
        frame = QUERIES[name](self.fleet, parameters)
        if not self.fleet.sample and "sample" in frame.columns:
            frame = frame.filter(~pl.col("sample"))
        cleared = self.fleet.empty and name not in ALWAYS_ANSWERED
        self.say(200, frame_bytes(frame.clear() if cleared else frame), ARROW)

    def meta(self) -> Row:
        return {
            "version": "0.1.0",
            "now": NOW.isoformat(),
            "data_to": None
            if self.fleet.empty
            else (NOW - timedelta(seconds=self.fleet.behind_s)).isoformat(),
            "behind_s": None if self.fleet.empty else self.fleet.behind_s,
            "agents": 0 if self.fleet.empty else len(AGENTS),
            "sample_agents": 3 if self.fleet.sample and not self.fleet.empty else 0,
            "wal_lag_records": 0,
            "spans": 0 if self.fleet.empty else 183_220,
        }

    def reports(self, method: str, path: str) -> None:
        if path.endswith("/pdf"):
            return self.say(200, b"%PDF-1.7 a fake report", "application/pdf")
        if method == "post":
            asked = self.body()
            report = new_report(asked, len(self.fleet.reports))
            self.fleet.reports.insert(0, report)
            return self.say(202, {"report_id": report["report_id"], "state": "running"})
        if path == "/v1/reports":
            return self.say(200, {"reports": self.fleet.reports})
        for report in self.fleet.reports:
            if path.endswith(report["report_id"]):
                return self.say(200, report)
        raise Refusal(404, "unknown_report", f"no such report {path}")


def new_report(asked: Row, number: int) -> Row:
    return {
        "report_id": f"rep-{number + 1}",
        "state": "running",
        "progress": 0.4,
        "step": "drawing charts",
        "since": asked["since"],
        "until": asked["until"],
        "framework": asked["framework"],
        "made_at": None,
        "sha256": None,
        "pages": None,
        "error": None,
    }


def done_report() -> Row:
    return {
        "report_id": "rep-0",
        "state": "done",
        "progress": 1.0,
        "step": "signed",
        "since": ago(days=28).isoformat(),
        "until": NOW.isoformat(),
        "framework": "eu-ai-act",
        "made_at": ago(hours=2).isoformat(),
        "sha256": "9f2c4e1b7a" * 6 + "9f2c",
        "pages": 42,
        "error": None,
    }


PEOPLE = {"code-admin": "admin", "code-viewer": "viewer"}


class Control(Handler):
    """The control API."""

    def route(self, method: str, path: str, parameters: Parameters) -> None:
        if (method, path) == ("post", "/v1/sessions"):
            return self.sign_in()
        if self.headers.get("authorization") != "Bearer good-token":
            raise Refusal(401, "no_session", "expected the token of a session: sign in again")
        if (method, path) == ("get", "/v1/me"):
            return self.say(200, self.me())
        if path == "/v1/session":
            return self.say(204, b"")
        if path == "/v1/preview":
            agent = self.body()["scope"]["agent_name"]
            return self.say(200, preview(agent))
        if path == "/v1/commands" and method == "post":
            return self.new_command()
        if path == "/v1/commands":
            return self.say(200, {"commands": self.fleet.commands})
        if path.endswith("/release"):
            return self.release(path.split("/")[3])
        if path == "/v1/budget-steps":
            return self.say(200, {"steps": self.fleet.budget_steps})
        if path.startswith("/v1/budget-steps/"):
            return self.decide(*path.split("/")[3:])
        if path == "/v1/instances":
            return self.say(200, {"instances": []})
        if path == "/v1/holds":
            return self.say(200, {"holds": []})
        raise Refusal(404, "unknown_path", f"no such path {path}")

    def me(self) -> Row:
        return {
            "user": "admin",
            "role": self.fleet.role,
            "expires_at": (NOW + timedelta(hours=8)).isoformat(),
        }

    def sign_in(self) -> None:
        body = self.body()
        known = body.get("code") in PEOPLE or body.get("password") == "correct"
        if not known:
            raise Refusal(401, "unknown_code", "this link was used or is older than an hour")
        self.say(201, {"token": "good-token", **self.me()})

    def decide(self, step_id: str, decision: str) -> None:
        body = self.body()
        self.fleet.sent.append({"step_id": step_id, "decision": decision, **body})
        step = next(one for one in self.fleet.budget_steps if one["step_id"] == step_id)
        step |= {"state": f"{decision.removesuffix('e')}ed", "decided_by": "admin"}
        step |= {"decided_at": NOW.isoformat(), "decision_reason": body["reason"]}
        step["hold_id"] = "hold-courier" if decision == "accept" else None
        self.say(200, step)

    def new_command(self) -> None:
        body = self.body()
        self.fleet.sent.append(body)
        if self.fleet.role in ("viewer", "auditor"):
            raise Refusal(403, "role", f"{self.fleet.role} may not command")
        self.fleet.commands.insert(0, command_row(body))
        self.say(201, self.fleet.commands[0])

    def release(self, hold_id: str) -> None:
        body = self.body()
        self.fleet.sent.append({"release": hold_id, **body})
        for command in self.fleet.commands:
            if command["hold_id"] == hold_id:
                command["state"] = "released"
                command["phases"].append({"phase": "released", "at": NOW, "actor": "admin"})
                return self.say(200, command)
        raise Refusal(404, "unknown_hold", f"no hold {hold_id}")


def preview(agent: str) -> Row:
    return {
        "agents": [agent],
        "instances": 2,
        "connected": 2,
        "effective_after": "kill",
    }


def command_row(body: Row) -> Row:
    number = uuid.uuid4().hex[:6]
    return {
        "command_id": f"cmd-{number}",
        "hold_id": f"hold-{number}",
        "kind": body["kind"],
        "scope": body["scope"],
        "reason": body["reason"],
        "profile": body.get("profile"),
        "actor": "admin",
        "origin": "human",
        "issued_at": NOW,
        "expires_at": NOW + timedelta(seconds=body["expires_in_s"]),
        "state": "requested",
        "phases": [{"phase": "requested", "at": NOW, "actor": "admin"}],
        "released_by": None,
        "release_reason": None,
        "instances": [],
    }


def journal() -> list[Row]:
    """The commands of `command_proof` as control tells them."""
    rows = command_proof(Fleet(), {}).to_dicts()
    return [journal_row(row) for row in rows]


def journal_row(row: Row) -> Row:
    phases = [
        {"phase": phase, "at": row[f"{phase}_at"], "actor": "admin"}
        for phase in ("requested", "signed", "delivered", "acked", "released")
        if row[f"{phase}_at"]
    ]
    answered = row["acked_at"] is not None
    instance = {
        "instance_uid": f"{row['agent'][:12]}-1",
        "agent": row["agent"],
        "delivered_at": row["delivered_at"],
        "acked_at": row["acked_at"],
        "ack_status": "applied" if answered else None,
        "effective_mode": row["kind"] if answered else None,
        "hooks": ["pre_model_call", "pre_tool_call"],
        "enforced_at": row["enforced_at"],
        "decision_id": row["enforced_decision_id"],
    }
    return {
        "command_id": row["command_id"],
        "hold_id": row["hold_id"],
        "kind": row["kind"],
        "scope": {"agent_name": row["agent"], "instance": None},
        "reason": row["reason"],
        "profile": None,
        "actor": "admin",
        "origin": "human",
        "issued_at": row["requested_at"],
        "expires_at": row["expires_at"],
        "state": phases[-1]["phase"],
        "phases": phases,
        "released_by": "admin" if row["released_at"] else None,
        "release_reason": "fixed" if row["released_at"] else None,
        "instances": [instance],
    }


@dataclass
class FakeApis:
    """Both servers and what they know."""

    fleet: Fleet
    api: str
    control: str


@contextmanager
def serving(fleet_: Fleet) -> Iterator[FakeApis]:
    """Both APIs on free ports until the block ends."""
    servers = [
        ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (kind,), {"fleet": fleet_}))
        for kind in (Collector, Control)
    ]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    addresses = [f"127.0.0.1:{server.server_address[1]}" for server in servers]
    try:
        yield FakeApis(fleet_, *addresses)
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()


def lively_fleet() -> Fleet:
    """The fleet with commands in every stage and one finished report."""
    return Fleet(commands=journal(), budget_steps=budget_steps(), reports=[done_report()])


def main() -> None:
    with serving(lively_fleet()) as apis:
        print(f"--api {apis.api} --control {apis.control}", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
