"""The query API over a real socket: uvicorn serves, httpx asks, pyarrow reads."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest
import uvicorn
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from collector.api import ARROW, create_app
from collector.config import VERSION
from collector.homefile import HomeFile
from collector.intake_queries import register_intake
from collector.inventory.registered import Registered
from collector.inventory_queries import register_inventory
from collector.proof import ProofNotifier
from collector.queries import Meta, Parameter, Queries, Question
from collector.reporting import Reports
from collector.store.connection import Store
from collector.store.reader import Bounds, Reader
from collector.store.rollup import recount

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
HOUR = {"since": "2026-01-15T11:00:00Z", "until": "2026-01-15T12:00:00Z"}

PRINTS_A_REPORT = """
import json, pathlib, sys
flags = dict(zip(sys.argv[1::2], sys.argv[2::2]))
if flags["--since"].startswith("2001"):
    sys.exit("no signing key: set REPORTS_KEY_FILE")
print("not json", flush=True)
print(json.dumps({"progress": 0.4, "step": "pages"}), flush=True)
pathlib.Path(flags["--output"]).write_bytes(b"%PDF-1.7 " + flags["--api"].encode())
print(json.dumps({"done": True, "sha256": "ab" * 32, "pages": 3}), flush=True)
"""


class NoObjectives:
    """A directory without files."""

    def listing(self) -> dict[str, Any]:
        return {"objectives": [], "errors": []}

    def reload(self) -> dict[str, Any]:
        return {"objectives": [], "errors": [{"file": "a.yaml", "line": 3, "reason": "not YAML"}]}


class Serving:
    """A uvicorn server in a thread, on a free port."""

    def __init__(self, app: Starlette) -> None:
        config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def __enter__(self) -> str:
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}"

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=10)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(tmp_path_factory.mktemp("api") / "watchkeeper.duckdb") as opened:
        cursor = opened.cursor()
        for number in range(3):
            cursor.execute(
                "insert into decision (sequence, decision_id, decided_at, decided_ns, agent,"
                " sample, verdict, effect, dialect, hold_id, instance, stage) values"
                " (1, ?, timestamptz '2026-01-15 11:30:00+00', ?, 'rogue', false,"
                " 'deny', 'blocked', 'watchkeeper', 'h1', 'r1', 'pre_tool_call')",
                [f"d{number}", 1768476600000000000 + number],
            )
        cursor.execute(
            "insert into source_count values"
            " (timestamptz '2026-01-15 11:30:00+00', 'ro\"gue', 'logs', 4, 3, 1, 0)"
        )
        recount(cursor)
        cursor.close()
        yield opened


@pytest.fixture(scope="module")
def reader(store: Store) -> Reader:
    return Reader(store, Bounds(time_limit_s=2, free_time_limit_s=0.5))


@pytest.fixture(scope="module")
def queries(reader: Reader) -> Queries:
    known = Queries(reader, now=lambda: NOW)
    register_intake(known)
    nothing = HomeFile(Path("inventory.yaml"), lambda text: Registered(), Registered())
    register_inventory(known, nothing)
    known.register(Question("endless", (), (), _endless))
    known.register(Question("wrong", (), (), _wrong))
    return known


def _endless(reader: Reader, values: Any) -> pa.Table:
    return reader.text(
        "select count(*) from range(1000000) a, range(1000000) b where a.range + b.range = -1"
    )


def _wrong(reader: Reader, values: Any) -> pa.Table:
    raise ZeroDivisionError


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reports]:
    jobs = Reports(
        tmp_path_factory.mktemp("reports"),
        "http://127.0.0.1:1",
        command=(sys.executable, "-c", PRINTS_A_REPORT),
    )
    yield jobs
    jobs.close()


@pytest.fixture(scope="module")
def url(queries: Queries, reports: Reports) -> Iterator[str]:
    app = create_app(
        queries,
        meta=Meta(queries, VERSION, wal_lag=lambda: 7),
        objectives=NoObjectives(),
        reports=reports,
        gauges=lambda: {"wal_lag_records": 7},
        metrics=lambda accept, now: (f"{accept} {now['wal_lag_records']}".encode(), "text/plain"),
        host="watch.example.org",
    )
    with Serving(app) as address:
        yield address


@pytest.fixture
def client(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, timeout=20) as opened:
        yield opened


def frame(answer: httpx.Response) -> pa.Table:
    assert answer.headers["content-type"] == ARROW, answer.text
    return pa.ipc.open_stream(answer.content).read_all()


def error(answer: httpx.Response) -> dict[str, Any]:
    told: dict[str, Any] = answer.json()["error"]
    assert set(told) == {"code", "message", "field"}
    return told


def test_a_question_is_answered_as_an_arrow_stream(client: httpx.Client) -> None:
    answer = client.get("/v1/query/decisions", params=HOUR)

    table = frame(answer)
    assert table.column("decision_id").to_pylist() == ["d2", "d1", "d0"]
    assert table.schema.field("decided_at").type in (
        pa.timestamp("us", "UTC"),
        pa.timestamp("us", "Etc/UTC"),
    )


def test_the_fleet_is_answered(client: httpx.Client) -> None:
    table = frame(client.get("/v1/query/fleet", params=HOUR))

    assert table.select(["agent", "denied", "runs"]).to_pylist() == [
        {"agent": "rogue", "denied": 3, "runs": None}
    ]


def test_a_small_answer_does_not_wait_for_a_delayed_acknowledgement(client: httpx.Client) -> None:
    client.get("/healthz")
    began = time.perf_counter()
    for _ in range(20):
        client.get("/healthz")

    assert (time.perf_counter() - began) / 20 < 0.03


@pytest.mark.parametrize(
    ("name", "sent", "status", "code", "field"),
    [
        ("fleet", {}, 400, "bad_parameter", "since"),
        ("fleet", {**HOUR, "until": "yesterday"}, 400, "bad_parameter", "until"),
        ("fleet", {**HOUR, "until": "2026-01-15T12:00:00"}, 400, "bad_parameter", "until"),
        ("fleet", {**HOUR, "until": HOUR["since"]}, 400, "bad_parameter", "until"),
        ("fleet", {**HOUR, "colour": "red"}, 400, "bad_parameter", "colour"),
        ("decisions", {**HOUR, "limit": "0"}, 400, "bad_parameter", "limit"),
        ("decisions", {**HOUR, "limit": "many"}, 400, "bad_parameter", "limit"),
        ("decisions", {**HOUR, "limit": "10001"}, 400, "bad_parameter", "limit"),
        ("decisions", {**HOUR, "verdict": "maybe"}, 400, "bad_parameter", "verdict"),
        ("decisions", {**HOUR, "text": "x" * 501}, 400, "bad_parameter", "text"),
        ("trace", {"trace_id": "xyz"}, 400, "bad_parameter", "trace_id"),
        ("nothing", {}, 404, "unknown_query", "name"),
        ("endless", {}, 408, "time_limit", None),
        ("wrong", {}, 500, "failed", None),
    ],
)
def test_a_bad_question_is_told_what_was_expected(
    client: httpx.Client, name: str, sent: dict[str, str], status: int, code: str, field: str | None
) -> None:
    answer = client.get(f"/v1/query/{name}", params=sent)

    assert answer.status_code == status
    assert (error(answer)["code"], error(answer)["field"]) == (code, field)


def test_a_parameter_sent_twice_is_refused(client: httpx.Client) -> None:
    answer = client.get("/v1/query/trace?trace_id=a&trace_id=b")

    assert error(answer)["field"] == "trace_id"


def test_hostile_text_travels_bound(client: httpx.Client) -> None:
    text = "'; delete from decision; --"
    assert frame(client.get("/v1/query/decisions", params={**HOUR, "text": text})).num_rows == 0
    assert frame(client.get("/v1/query/decisions", params=HOUR)).num_rows == 3


def test_a_collector_with_every_reader_taken_says_when_to_come_back(store: Store) -> None:
    full = Reader(store, Bounds(at_once=1, patience_s=0.05))
    known = Queries(full, now=lambda: NOW)
    register_intake(known)
    app = create_app(known, meta=dict, objectives=NoObjectives(), reports=_no_reports())
    with Serving(app) as address, full._snapshot(5):
        answer = httpx.get(f"{address}/v1/query/sources")
        scraped = httpx.get(f"{address}/metrics")

    assert (answer.status_code, error(answer)["code"]) == (503, "busy")
    assert answer.headers["retry-after"] == "1"
    assert scraped.status_code == 200


def _no_reports() -> Any:
    return None


def test_the_listing_names_every_question_with_its_parameters(client: httpx.Client) -> None:
    listing = {each["name"]: each for each in client.get("/v1/queries").json()["queries"]}

    assert listing["fleet"]["columns"][0] == "agent"
    assert [each["name"] for each in listing["trace"]["parameters"]] == ["trace_id", "near"]


def test_free_sql_is_answered(client: httpx.Client) -> None:
    answer = client.post("/v1/sql", json={"sql": "select agent from decisions", "limit": 2})

    assert frame(answer).to_pylist() == [{"agent": "rogue"}] * 2


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"sql": "delete from decision"}, "refused_sql", "sql"),
        ({"sql": "select * from '/etc/passwd'"}, "refused_sql", "sql"),
        ({"sql": 3}, "bad_parameter", "sql"),
        ({}, "bad_parameter", "sql"),
        ({"sql": "select 1", "limit": -1}, "bad_parameter", "limit"),
        ({"sql": "select 1", "limit": True}, "bad_parameter", "limit"),
        ([], "bad_parameter", "body"),
    ],
)
def test_free_sql_that_is_not_allowed_is_refused(
    client: httpx.Client, body: Any, code: str, field: str
) -> None:
    answer = client.post("/v1/sql", json=body)

    assert answer.status_code == 400
    assert (error(answer)["code"], error(answer)["field"]) == (code, field)


def test_free_sql_stops_at_its_time_limit(client: httpx.Client) -> None:
    sql = "select count(*) from range(1000000) a, range(1000000) b where a.range + b.range = -1"

    answer = client.post("/v1/sql", json={"sql": sql})

    assert (answer.status_code, error(answer)["code"]) == (408, "time_limit")


@pytest.mark.parametrize("path", ["/v1/sql", "/v1/objectives/reload", "/v1/reports"])
def test_a_form_on_another_site_cannot_post(client: httpx.Client, path: str) -> None:
    answer = client.post(
        path, content='{"sql": "select 1"}', headers={"content-type": "text/plain"}
    )

    assert (answer.status_code, error(answer)["field"]) == (400, "content-type")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:4319", 200),
        ("127.0.0.1", 200),
        ("[::1]:4319", 200),
        ("watch.example.org", 200),
        ("evil.example.org", 403),
        ("localhost.evil.example.org:4319", 403),
        ("", 403),
    ],
)
def test_only_a_known_host_name_is_served(client: httpx.Client, host: str, status: int) -> None:
    assert client.get("/v1/queries", headers={"host": host}).status_code == status


def test_an_unknown_path_is_an_error_in_json(client: httpx.Client) -> None:
    assert error(client.get("/v1/nothing"))["code"] == "unknown_path"
    assert error(client.get("/v1/sql"))["code"] == "wrong_method"


def test_the_facts_are_told(client: httpx.Client) -> None:
    meta = client.get("/v1/meta").json()

    assert (meta["version"], meta["wal_lag_records"], meta["agents"]) == (VERSION, 7, 1)
    assert (meta["spans"], meta["data_to"], meta["behind_s"]) == (0, None, None)
    assert client.get("/v1/objectives").json() == {"objectives": [], "errors": []}
    assert client.post("/v1/objectives/reload", json={}).json()["errors"][0]["line"] == 3


def test_health_is_told(client: httpx.Client) -> None:
    assert client.get("/healthz").text == "ok"
    assert client.get("/readyz").text == "ok"


def test_a_collector_that_cannot_serve_says_why(queries: Queries) -> None:
    app = create_app(
        queries,
        meta=dict,
        objectives=NoObjectives(),
        reports=_no_reports(),
        unready=lambda: "the disk is full",
    )
    with Serving(app) as address:
        answer = httpx.get(f"{address}/readyz")

    assert (answer.status_code, answer.text) == (503, "the disk is full")


def test_a_scrape_gets_the_page_in_the_format_it_accepts(client: httpx.Client) -> None:
    answer = client.get("/metrics", headers={"accept": "application/openmetrics-text"})

    assert answer.text == "application/openmetrics-text 7"
    assert answer.headers["content-type"] == "text/plain"


def test_the_way_to_the_store_is_told_as_facts(client: httpx.Client) -> None:
    assert client.get("/v1/intake").json() == {"wal_lag_records": 7, "shortage": None}


def ended(client: httpx.Client, report_id: str) -> dict[str, Any]:
    for _ in range(200):
        job: dict[str, Any] = client.get(f"/v1/reports/{report_id}").json()
        if job["state"] != "running":
            return job
        time.sleep(0.05)
    raise AssertionError("the report did not end")


def test_a_report_is_made_and_fetched(client: httpx.Client) -> None:
    started = client.post("/v1/reports", json={**HOUR, "framework": "eu-ai-act"})
    job = ended(client, started.json()["report_id"])

    assert (started.status_code, started.json()["state"]) == (202, "running")
    assert (job["state"], job["pages"], job["progress"]) == ("done", 3, 1.0)
    assert job["since"] == "2026-01-15T11:00:00+00:00"
    pdf = client.get(f"/v1/reports/{job['report_id']}/pdf")
    assert pdf.content == b"%PDF-1.7 http://127.0.0.1:1"
    assert job in client.get("/v1/reports").json()["reports"]


def test_a_report_that_cannot_be_made_tells_why(client: httpx.Client) -> None:
    wish = {**HOUR, "since": "2001-01-01T00:00:00Z", "framework": "eu-ai-act"}
    started = client.post("/v1/reports", json=wish).json()
    job = ended(client, started["report_id"])

    assert (job["state"], job["error"]) == ("failed", "no signing key: set REPORTS_KEY_FILE")
    assert client.get(f"/v1/reports/{job['report_id']}/pdf").status_code == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [({"since": None}, "since"), ({"until": "soon"}, "until"), ({"framework": 3}, "framework")],
)
def test_a_report_wish_that_makes_no_sense_is_refused(
    client: httpx.Client, change: dict[str, Any], field: str
) -> None:
    answer = client.post("/v1/reports", json={**HOUR, "framework": "eu-ai-act", **change})

    assert (answer.status_code, error(answer)["field"]) == (400, field)


@pytest.mark.parametrize("framework", ["--help", "../x", "", "unknown"])
def test_a_framework_that_is_not_known_is_refused(client: httpx.Client, framework: str) -> None:
    answer = client.post("/v1/reports", json={**HOUR, "framework": framework})

    assert answer.status_code == 400


@pytest.mark.parametrize("report_id", ["..%2f..%2fetc%2fpasswd", "nothing", "%2e%2e"])
def test_an_unknown_report_is_not_found(client: httpx.Client, report_id: str) -> None:
    assert client.get(f"/v1/reports/{report_id}/pdf").status_code == 404
    assert client.get(f"/v1/reports/{report_id}").status_code == 404


def test_reports_survive_a_restart_but_interrupted_ones_have_failed(tmp_path: Path) -> None:
    slow = (sys.executable, "-c", "import time; time.sleep(60)")
    before = Reports(tmp_path, "http://127.0.0.1:1", command=slow)
    started = before.start(HOUR["since"], HOUR["until"], "eu-ai-act")
    stored = json.loads((tmp_path / f"{started['report_id']}.json").read_text())

    after = Reports(tmp_path, "http://127.0.0.1:1", command=slow)

    assert stored["state"] == "running"
    assert [job["state"] for job in after.list()] == ["failed"]
    assert "stopped" in after.list()[0]["error"]
    before.close()


def test_more_than_five_waiting_reports_are_refused(tmp_path: Path) -> None:
    slow = (sys.executable, "-c", "import time; time.sleep(60)")
    jobs = Reports(tmp_path, "http://127.0.0.1:1", command=slow)
    with pytest.raises(Exception, match="waiting already"):
        for _ in range(8):
            jobs.start(HOUR["since"], HOUR["until"], "eu-ai-act")

    jobs.close()
    assert {job["state"] for job in jobs.list()} == {"failed"}


def test_the_inventory_is_a_bill_of_materials_by_the_official_schema(url: str) -> None:
    answer = httpx.get(f"{url}/v1/inventory/cyclonedx", timeout=60)

    assert answer.headers["content-type"].startswith("application/vnd.cyclonedx+json")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(answer.text) is None
    assert answer.json()["metadata"]["tools"]["components"][0]["name"] == "watchkeeper"


class Control:
    """A control process that keeps what it is told."""

    def __init__(self, status: int = 200) -> None:
        self.told: list[dict[str, Any]] = []
        self.tokens: list[str] = []
        self.status = status
        self.app = Starlette(routes=[Route("/v1/evidence", self.evidence, methods=["POST"])])

    async def evidence(self, request: Request) -> JSONResponse:
        self.told.append(await request.json())
        self.tokens.append(request.headers["authorization"])
        return JSONResponse({}, status_code=self.status)


async def test_the_first_refused_call_of_a_hold_is_told_once(
    reader: Reader, tmp_path: Path
) -> None:
    control = Control()
    token = tmp_path / "collector.token"
    with Serving(control.app) as address:
        notifier = ProofNotifier(reader, address, token, every_s=0.05)
        running = asyncio.create_task(notifier.run())
        await asyncio.sleep(0.2)
        assert control.told == []
        token.write_text("secret\n")
        for _ in range(1000):
            await asyncio.sleep(0.02)
            notifier.notify()
            if control.told:
                break
        running.cancel()

    assert control.tokens[0] == "Bearer secret"
    assert control.told[0] == {
        "hold_id": "h1",
        "decision_id": "d0",
        "instance_uid": "r1",
        "agent": "rogue",
        "at": "2026-01-15T11:30:00+00:00",
        "stage": "pre_tool_call",
    }


async def test_a_control_process_that_is_away_or_failing_is_told_later(
    reader: Reader, tmp_path: Path
) -> None:
    (tmp_path / "collector.token").write_text("secret")
    control = Control(status=500)
    with Serving(control.app) as address:
        notifier = ProofNotifier(reader, address, tmp_path / "collector.token")
        async with httpx.AsyncClient() as client:
            failed = await notifier.tell(client)
            control.status = 200
            accepted = [await notifier.tell(client) for _ in range(3)]

    assert (failed, accepted) == (0, [1, 0, 0])


async def test_a_hold_that_control_does_not_know_keeps_nobody_waiting(
    reader: Reader, tmp_path: Path
) -> None:
    (tmp_path / "collector.token").write_text("secret")
    control = Control(status=404)
    with Serving(control.app) as address:
        notifier = ProofNotifier(reader, address, tmp_path / "collector.token")
        async with httpx.AsyncClient() as client:
            rounds = [await notifier.tell(client) for _ in range(2)]

    assert (rounds, len(control.told)) == ([1, 0], 1)


async def test_a_hold_that_control_has_recorded_as_enforced_is_not_told(
    store: Store, tmp_path: Path
) -> None:
    cursor = store.cursor()
    cursor.execute(
        "insert into command_event (sequence, told_at, command_id, hold_id, kind, phase, instance,"
        " sample, detail) values (1, now(), 'c1', 'h1', 'kill', 'enforced', 'r1', false, '{}')"
    )
    try:
        assert Reader(store).rows("queries/unproven_holds", {"limit": 10}) == []
    finally:
        cursor.execute("delete from command_event")
        cursor.close()


def test_a_question_cannot_be_registered_twice(queries: Queries) -> None:
    with pytest.raises(Exception, match="fleet"):
        queries.register(Question("fleet", (Parameter("since"),), (), "queries/fleet"))
