"""The HTTP face of control: operators speak JSON with a session token, agents OpAMP.

Rights are checked here, never in a page. Credentials travel only as bearer
tokens, so no foreign page can make a browser send them.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from collector.control import commands, opamp, steps
from collector.control.authority import Authority, Session, credentials, is_same
from collector.control.budgets import Budgets, view
from collector.control.documents import Signer
from collector.control.journal import Journal, Row
from collector.control.moments import Clock, moment, stamp
from collector.control.opamp import Opamp
from collector.control.plane import Evidence, Plane
from collector.control.refusal import Refusal, wrong
from collector.control.views import Views

MOST_JSON_BYTES = 256 * 1024
BODY_TIMEOUT_S = 10.0
PROTOBUF = "application/x-protobuf"
LONGEST_ID = 256

Endpoint = Callable[["Door", Request], Awaitable[Response]]


@dataclass(frozen=True)
class Door:
    """Everything the endpoints need."""

    journal: Journal
    authority: Authority
    plane: Plane
    budgets: Budgets
    views: Views
    opamp: Opamp
    signer: Signer
    collector_token: str
    clock: Clock


def app(door: Door, hosts: frozenset[str] | None = None) -> Starlette:
    """The application; `hosts` are the names it answers to, None means any."""

    def route(path: str, endpoint: Endpoint, method: str) -> Route:
        async def call(request: Request) -> Response:
            return await endpoint(door, request)

        return Route(path, call, methods=[method])

    return Starlette(
        routes=[route(*entry) for entry in ROUTES],
        middleware=[Middleware(KnownHost, hosts=hosts)] if hosts else [],
        exception_handlers={
            Refusal: _refused,
            HTTPException: _not_found,
            ClientDisconnect: _hung_up,
            sqlite3.OperationalError: _journal_failed,
        },
    )


class KnownHost:
    """Refuses foreign Host headers, by which a web page could reach a loopback address."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str]) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or host_name(scope) in self._hosts:
            await self._app(scope, receive, send)
            return
        refusal = Refusal(421, "foreign_host", "this address answers only to its own name")
        await JSONResponse(refusal.body, refusal.status)(scope, receive, send)


def host_name(scope: Scope) -> str:
    """The Host header without its port; empty when there is none or more than one."""
    named = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
    if len(named) != 1:
        return ""
    host, colon, port = str(named[0]).rpartition(":")
    return (host if colon and port.isdigit() else str(named[0])).strip("[]").lower()


# Errors


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    if request.url.path == "/v1/opamp":
        return Response(opamp.refused(error), error.status, media_type=PROTOBUF)
    return JSONResponse(error.body, error.status)


async def _not_found(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    refusal = Refusal(error.status_code, "no_such_call", f"{error.detail}: see docs/control-api.md")
    return JSONResponse(refusal.body, refusal.status, error.headers)


async def _hung_up(request: Request, error: Exception) -> Response:
    return Response(status_code=400)


async def _journal_failed(request: Request, error: Exception) -> Response:
    refusal = Refusal(503, "journal", f"the journal cannot be written ({error}): nothing was done")
    return await _refused(request, refusal)


# What requests bring


async def _bytes(request: Request, most: int) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for part in request.stream():
                body += part
                if len(body) > most:
                    raise Refusal(413, "too_large", f"expected at most {most} bytes")
    except TimeoutError:
        raise Refusal(408, "too_slow", "the body took too long") from None
    return bytes(body)


async def _json(request: Request) -> dict[str, Any]:
    """The body as a JSON object."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise Refusal(415, "not_json", "expected content-type application/json")
    try:
        value = json.loads(await _bytes(request, MOST_JSON_BYTES))
    except (ValueError, RecursionError):
        raise Refusal(400, "not_json", "the body is not JSON") from None
    if not isinstance(value, dict):
        raise Refusal(400, "not_json", "expected a JSON object")
    return value


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _reader(door: Door, request: Request) -> Session:
    return door.authority.session(_bearer(request))


def _commander(door: Door, request: Request) -> Session:
    session = _reader(door, request)
    if not session.role.may_command:
        raise Refusal(
            403, "role", f"{session.operator} is {session.role}: operator or admin may command"
        )
    return session


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= LONGEST_ID:
        raise wrong(name, f"expected 1 to {LONGEST_ID} characters")
    return value


# People


async def open_session(door: Door, request: Request) -> Response:
    told = credentials(await _json(request))
    if isinstance(told, str):
        token, session = door.authority.sign_in_by_code(told)
    else:
        token, session = await door.authority.sign_in_by_password(*told)
    return JSONResponse({"token": token, **_person(session)}, 201)


async def close_session(door: Door, request: Request) -> Response:
    door.authority.end(_reader(door, request))
    return Response(status_code=204)


async def me(door: Door, request: Request) -> Response:
    return JSONResponse(_person(_reader(door, request)))


def _person(session: Session) -> dict[str, str]:
    return {
        "user": session.operator,
        "role": session.role.value,
        "expires_at": stamp(session.expires_at),
    }


# Commands and holds


async def preview(door: Door, request: Request) -> Response:
    _reader(door, request)
    return JSONResponse(door.views.preview(commands.target(await _json(request))))


async def command(door: Door, request: Request) -> Response:
    session = _commander(door, request)
    order = commands.order(await _json(request), door.clock())
    row, is_new = door.plane.issue(order, session.operator)
    return JSONResponse(door.views.command(row), 201 if is_new else 200)


async def list_commands(door: Door, request: Request) -> Response:
    _reader(door, request)
    return JSONResponse({"commands": door.views.latest(_limit(request))})


def _limit(request: Request) -> int:
    limit = request.query_params.get("limit", "50")
    if not limit.isascii() or not limit.isdigit() or not 1 <= int(limit[:9]) <= 1000:
        raise wrong("limit", f"expected 1 to 1000, got {limit!r:.40}")
    return int(limit)


async def one_command(door: Door, request: Request) -> Response:
    _reader(door, request)
    return JSONResponse(door.views.command_by_id(request.path_params["command_id"]))


async def release(door: Door, request: Request) -> Response:
    session = _commander(door, request)
    body = await _json(request)
    row = door.plane.release(
        request.path_params["hold_id"],
        commands.reason(body),
        commands.key(body),
        session.operator,
    )
    return JSONResponse(door.views.command(row))


async def holds(door: Door, request: Request) -> Response:
    _reader(door, request)
    return JSONResponse({"holds": door.views.holds()})


async def instances(door: Door, request: Request) -> Response:
    _reader(door, request)
    return JSONResponse({"instances": door.views.instances()})


# Steps of budgets


async def list_steps(door: Door, request: Request) -> Response:
    _reader(door, request)
    return JSONResponse({"steps": door.budgets.latest(_limit(request))})


async def accept_step(door: Door, request: Request) -> Response:
    return await _decide_step(request, door.budgets.accept, _commander(door, request))


async def decline_step(door: Door, request: Request) -> Response:
    return await _decide_step(request, door.budgets.decline, _commander(door, request))


async def _decide_step(
    request: Request, decide: Callable[[str, str, str, str], Row], session: Session
) -> Response:
    body = await _json(request)
    step_id = request.path_params["step_id"]
    step = decide(step_id, commands.reason(body), commands.key(body), session.operator)
    return JSONResponse(view(step))


# Agents, the collector, anybody


async def agent(door: Door, request: Request) -> Response:
    body = await _bytes(request, opamp.MOST_BYTES)
    plain = opamp.inflated(body, request.headers.get("content-encoding", "").lower())
    message = opamp.parsed(plain)
    gone = asyncio.ensure_future(_gone(request.receive))
    try:
        answer = await door.opamp.answer(message, _bearer(request), _wait_s(request), gone)
    finally:
        gone.cancel()
    return Response(answer.SerializeToString(), media_type=PROTOBUF)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _wait_s(request: Request) -> float:
    """RFC 7240 §4.3: `Prefer: wait=N` shortens the wait."""
    for preference in request.headers.get("prefer", "").split(","):
        name, _, value = preference.strip().partition("=")
        if name == "wait" and value.isascii() and value.isdigit():
            return min(opamp.WAIT_S, float(value[:9]))
    return opamp.WAIT_S


def _check_collector(door: Door, request: Request) -> None:
    if not is_same(_bearer(request), door.collector_token):
        raise Refusal(401, "no_token", "expected the text of control/collector.token as bearer")


async def take_step(door: Door, request: Request) -> Response:
    _check_collector(door, request)
    step, is_new = door.budgets.take(steps.told_of(await _json(request)))
    return JSONResponse(view(step), 201 if is_new else 200)


async def rearm_step(door: Door, request: Request) -> Response:
    _check_collector(door, request)
    body = await _json(request)
    return JSONResponse({"rearmed": door.budgets.rearm(_text(body, "series"))})


async def armed_steps(door: Door, request: Request) -> Response:
    _check_collector(door, request)
    return JSONResponse({"series": door.budgets.armed()})


async def evidence(door: Door, request: Request) -> Response:
    _check_collector(door, request)
    body = await _json(request)
    row = door.plane.prove(
        Evidence(
            _text(body, "hold_id"),
            _text(body, "decision_id"),
            None if body.get("instance_uid") is None else _text(body, "instance_uid"),
            _moment(body, "at"),
            None if body.get("agent") is None else _text(body, "agent"),
        )
    )
    return JSONResponse(door.views.command(row))


def _moment(body: dict[str, Any], name: str) -> Any:
    try:
        return moment(_text(body, name))
    except (ValueError, OverflowError):
        raise wrong(name, "expected a time such as 2026-01-15T12:00:00Z") from None


async def keys(door: Door, request: Request) -> Response:
    return JSONResponse({"keys": [door.signer.jwk]})


async def health(door: Door, request: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def ready(door: Door, request: Request) -> Response:
    # A real write, synced: it proves that a kill could be kept, also on a disk that is full.
    with door.journal.transaction():
        door.journal.change("prove_writable")
        waiting = door.journal.number("count_events")
    return JSONResponse({"status": "ok", "events_waiting": waiting})


ROUTES: tuple[tuple[str, Endpoint, str], ...] = (
    ("/v1/sessions", open_session, "POST"),
    ("/v1/session", close_session, "DELETE"),
    ("/v1/me", me, "GET"),
    ("/v1/preview", preview, "POST"),
    ("/v1/commands", command, "POST"),
    ("/v1/commands", list_commands, "GET"),
    ("/v1/commands/{command_id}", one_command, "GET"),
    ("/v1/holds/{hold_id}/release", release, "POST"),
    ("/v1/holds", holds, "GET"),
    ("/v1/instances", instances, "GET"),
    ("/v1/budget-steps", list_steps, "GET"),
    ("/v1/budget-steps", take_step, "POST"),
    ("/v1/budget-steps/armed", armed_steps, "GET"),
    ("/v1/budget-steps/rearm", rearm_step, "POST"),
    ("/v1/budget-steps/{step_id}/accept", accept_step, "POST"),
    ("/v1/budget-steps/{step_id}/decline", decline_step, "POST"),
    ("/v1/opamp", agent, "POST"),
    ("/v1/evidence", evidence, "POST"),
    ("/v1/keys", keys, "GET"),
    ("/healthz", health, "GET"),
    ("/readyz", ready, "GET"),
)
