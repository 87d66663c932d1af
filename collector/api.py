"""The query API: questions over HTTP, frames as Arrow, facts as JSON.

Only a page or program that names this collector as its host is served, so that a
web page elsewhere cannot reach it by rebinding a name. Questions run in threads.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import pyarrow as pa
import structlog
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    JSONResponse,
    PlainTextResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from collector.config import VERSION
from collector.errors import RefusedInput, WatchkeeperError
from collector.inventory.cyclonedx import bill_of_materials
from collector.queries import BadParameter, Kind, Parameter, Queries, UnknownQuestion
from collector.store.guard import RefusedSql
from collector.store.reader import ArchiveDamaged, Busy, TimeLimit

ARROW = "application/vnd.apache.arrow.stream"
CYCLONEDX = "application/vnd.cyclonedx+json; version=1.6"
_MOST_COMPONENTS = "10000"
_LONGEST_BODY = 256 * 1024
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_META_LASTS_S = 2.0
_log = structlog.get_logger("collector.api")

Facts = Callable[[], dict[str, Any]]
Metrics = Callable[[str, Mapping[str, float]], tuple[bytes, str]]


class ObjectiveFacts(Protocol):
    """The objectives in force, as facts."""

    def listing(self) -> dict[str, Any]: ...

    def reload(self) -> dict[str, Any]: ...


class ReportJobs(Protocol):
    """Reports that are being made or are done."""

    def start(self, since: str, until: str, framework: str) -> dict[str, Any]: ...

    def list(self) -> list[dict[str, Any]]: ...

    def get(self, report_id: str) -> dict[str, Any] | None: ...

    def pdf_path(self, report_id: str) -> Path | None: ...


def create_app(
    queries: Queries,
    *,
    meta: Facts,
    objectives: ObjectiveFacts,
    reports: ReportJobs,
    unready: Callable[[], str | None] = lambda: None,
    gauges: Callable[[], Mapping[str, float]] = dict,
    metrics: Metrics = lambda accept, now: (b"", "text/plain"),
    host: str = "127.0.0.1",
) -> Starlette:
    """The application. `unready` names the reason why the collector cannot serve yet, or None.

    `gauges` are measured at the moment; `metrics` makes the page of a scrape of them, for
    what the Accept header says.
    """
    routes = (
        _health_routes(unready)
        + _question_routes(queries)
        + _fact_routes(_Remembered(meta, _META_LASTS_S), objectives, gauges, metrics)
        + _intake_routes(gauges, unready)
        + [Route("/v1/inventory/cyclonedx", _cyclonedx(queries))]
        + _report_routes(reports)
    )
    return Starlette(
        routes=routes,
        middleware=[Middleware(KnownHost, hosts=(*_LOOPBACK, host.lower()))],
        exception_handlers={
            WatchkeeperError: _refused,
            HTTPException: _no_such_thing,
            Exception: _failed,
        },
    )


class KnownHost:
    """Refuses requests whose Host header is not one of ours."""

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...]) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and host_name(scope) not in self._hosts:
            message = f"expected the host {self._hosts[-1]}, got {host_name(scope)!r}"
            await _error(403, "unknown_host", message)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def host_name(scope: Scope) -> str:
    """The host of a request without its port, in lower case."""
    named = [value for name, value in scope["headers"] if name == b"host"]
    text = named[0].decode("latin-1").lower() if len(named) == 1 else ""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0]


def _cyclonedx(queries: Queries) -> Callable[[Request], Awaitable[Response]]:
    """Everything seen or registered, as a bill of materials."""

    def bill() -> dict[str, Any]:
        rows = queries.ask("inventory", {"limit": _MOST_COMPONENTS}).to_pylist()
        return bill_of_materials(rows, version=VERSION, made_at=datetime.now(UTC), serial=uuid4())

    async def answer(request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(bill), media_type=CYCLONEDX)

    return answer


def _health_routes(unready: Callable[[], str | None]) -> list[Route]:
    async def healthz(request: Request) -> Response:
        return PlainTextResponse("ok")

    async def readyz(request: Request) -> Response:
        reason = unready()
        return PlainTextResponse(reason or "ok", status_code=503 if reason else 200)

    return [Route("/healthz", healthz), Route("/readyz", readyz)]


def _question_routes(queries: Queries) -> list[Route]:
    async def query(request: Request) -> Response:
        name, sent = request.path_params["name"], _parameters(request)
        return await run_in_threadpool(lambda: _frame(queries.ask(name, sent)))

    async def sql(request: Request) -> Response:
        body = await _json_body(request)
        statement, limit = _statement(body), _limit(body)
        return await run_in_threadpool(lambda: _frame(queries.sql(statement, limit)))

    async def export(request: Request) -> Response:
        statement = _statement(await _json_body(request))
        chunks = _exported(queries, statement)
        # The schema is the first chunk: whatever is wrong with the statement is told before it.
        first = await run_in_threadpool(next, chunks)
        return StreamingResponse(_streamed(first, chunks), media_type=ARROW)

    async def listing(request: Request) -> Response:
        return JSONResponse({"queries": queries.listing()})

    return [
        Route("/v1/query/{name}", query),
        Route("/v1/queries", listing),
        Route("/v1/sql", sql, methods=["POST"]),
        Route("/v1/export", export, methods=["POST"]),
    ]


def _fact_routes(
    meta: Facts,
    objectives: ObjectiveFacts,
    gauges: Callable[[], Mapping[str, float]],
    metrics: Metrics,
) -> list[Route]:
    async def scrape(request: Request) -> Response:
        page, media_type = metrics(request.headers.get("accept", ""), gauges())
        return Response(page, headers={"content-type": media_type})

    async def reload(request: Request) -> Response:
        _check_json(request)
        return await _facts(objectives.reload)(request)

    return [
        Route("/metrics", scrape),
        Route("/v1/meta", _facts(meta)),
        Route("/v1/objectives", _facts(objectives.listing)),
        Route("/v1/objectives/reload", reload, methods=["POST"]),
    ]


def _intake_routes(
    gauges: Callable[[], Mapping[str, float]], unready: Callable[[], str | None]
) -> list[Route]:
    def intake() -> dict[str, Any]:
        return {**gauges(), "shortage": unready()}

    return [Route("/v1/intake", _facts(intake))]


def _report_routes(reports: ReportJobs) -> list[Route]:
    async def start(request: Request) -> Response:
        body = await _json_body(request)
        job = await run_in_threadpool(reports.start, *_report_wish(body))
        return JSONResponse(job, status_code=202)

    async def every(request: Request) -> Response:
        return JSONResponse({"reports": await run_in_threadpool(reports.list)})

    async def one(request: Request) -> Response:
        job = await run_in_threadpool(reports.get, request.path_params["report_id"])
        return JSONResponse(job) if job else _unknown_report(request)

    async def pdf(request: Request) -> Response:
        path = await run_in_threadpool(reports.pdf_path, request.path_params["report_id"])
        if path is None:
            return _unknown_report(request)
        return FileResponse(path, media_type="application/pdf", filename=path.name)

    return [
        Route("/v1/reports", every, methods=["GET"]),
        Route("/v1/reports", start, methods=["POST"]),
        Route("/v1/reports/{report_id}", one),
        Route("/v1/reports/{report_id}/pdf", pdf),
    ]


def _facts(facts: Facts) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(facts))

    return endpoint


class _Remembered:
    """Facts that are counted at most once in a few seconds."""

    def __init__(self, facts: Facts, lasts_s: float) -> None:
        self._facts = facts
        self._lasts_s = lasts_s
        self._known: tuple[float, dict[str, Any]] | None = None

    def __call__(self) -> dict[str, Any]:
        known = self._known
        if known is None or time.monotonic() - known[0] > self._lasts_s:
            known = (time.monotonic(), self._facts())
            self._known = known
        return known[1]


def _frame(table: pa.Table) -> Response:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return Response(sink.getvalue().to_pybytes(), media_type=ARROW)


def _exported(queries: Queries, statement: str) -> Generator[bytes]:
    """The rows of a statement as an Arrow stream, in pieces; without its end when it broke off."""
    sink = io.BytesIO()
    with queries.exported(statement) as batches, pa.ipc.new_stream(sink, batches.schema) as writer:
        yield _taken(sink)
        for batch in batches:
            writer.write_batch(batch)
            yield _taken(sink)
        writer.close()
        yield _taken(sink)


def _taken(sink: io.BytesIO) -> bytes:
    piece = sink.getvalue()
    sink.seek(0)
    sink.truncate()
    return piece


async def _streamed(first: bytes, chunks: Generator[bytes]) -> AsyncIterator[bytes]:
    try:
        yield first
        while (chunk := await run_in_threadpool(next, chunks, None)) is not None:
            yield chunk
    finally:
        # Who asked may be gone: the snapshot must not stay open.
        chunks.close()


def _parameters(request: Request) -> dict[str, str]:
    sent: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name in sent:
            raise BadParameter(name, f"{name}: expected one value, got several")
        sent[name] = value
    return sent


def _check_json(request: Request) -> None:
    # A form on another site can post, but not with this type and without being asked first.
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        message = f"expected content-type application/json, got {media_type or 'none'}"
        raise BadParameter("content-type", message)


async def _json_body(request: Request) -> Mapping[str, Any]:
    _check_json(request)
    chunks = bytearray()
    async for chunk in request.stream():
        chunks += chunk
        if len(chunks) > _LONGEST_BODY:
            raise BadParameter("body", f"expected at most {_LONGEST_BODY} bytes of JSON")
    try:
        body = json.loads(chunks)
    except (ValueError, RecursionError) as error:
        raise BadParameter("body", f"expected a JSON object: {error}") from error
    if not isinstance(body, dict):
        raise BadParameter("body", f"expected a JSON object, got {type(body).__name__}")
    return body


def _statement(body: Mapping[str, Any]) -> str:
    sql = body.get("sql")
    if not isinstance(sql, str) or not sql.strip():
        raise BadParameter("sql", "sql: expected one SQL statement as text")
    return sql


def _limit(body: Mapping[str, Any]) -> int:
    limit = body.get("limit", 10_000)
    if not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= 1_000_000:
        raise BadParameter("limit", f"limit: expected 1 to 1000000 rows, got {limit!r}")
    return limit


def _report_wish(body: Mapping[str, Any]) -> tuple[str, str, str]:
    wish = {name: body.get(name) for name in ("since", "until", "framework")}
    for name, value in wish.items():
        if not isinstance(value, str):
            raise BadParameter(name, f"{name}: expected text, got {type(value).__name__}")
    since, until = (Parameter(name, Kind.INSTANT).value(str(wish[name])) for name in _PERIOD)
    if until <= since:
        raise BadParameter("until", f"until must be later than since, got {until} after {since}")
    return since.isoformat(), until.isoformat(), str(wish["framework"])


_PERIOD = ("since", "until")


def _unknown_report(request: Request) -> Response:
    report_id = request.path_params["report_id"]
    return _error(404, "unknown_report", f"no such report: {report_id[:80]!r}", "report_id")


_STATUS: tuple[tuple[type[WatchkeeperError], int, str], ...] = (
    (BadParameter, 400, "bad_parameter"),
    (RefusedSql, 400, "refused_sql"),
    (RefusedInput, 400, "refused"),
    (UnknownQuestion, 404, "unknown_query"),
    (TimeLimit, 408, "time_limit"),
    (Busy, 503, "busy"),
    (ArchiveDamaged, 503, "archive_damaged"),
)


async def _refused(request: Request, error: Exception) -> Response:
    for kind, status, code in _STATUS:
        if isinstance(error, kind):
            answer = _error(status, code, str(error), getattr(error, "field", _field(code)))
            if status == 503:
                answer.headers["retry-after"] = "1"
            return answer
    return await _failed(request, error)


def _field(code: str) -> str | None:
    return {"refused_sql": "sql", "unknown_query": "name"}.get(code)


async def _no_such_thing(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    code = "wrong_method" if status == 405 else "unknown_path"
    return _error(status, code, f"{request.method} {request.url.path} is not served here")


async def _failed(request: Request, error: Exception) -> Response:
    _log.error("question_failed", path=request.url.path, exc_info=error)
    return _error(500, "failed", "the collector could not answer; its log has the reason")


def _error(status: int, code: str, message: str, field: str | None = None) -> JSONResponse:
    error = {"code": code, "message": message, "field": field}
    return JSONResponse({"error": error}, status_code=status)
