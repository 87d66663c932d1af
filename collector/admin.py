"""What whoever owns the home may ask of the running collector, over a socket inside the home.

GET  /v1/retention   the rules in force, the holds, and what is wrong
POST /v1/retention   {"act": a signed act}
POST /v1/backups     {"target": a new folder, "with_keys": false} starts a job
GET  /v1/backups/ID  how far it is
POST /v1/reprices    {"since", "until", "actor", "reason"} computes costs anew
GET  /v1/reprices    every such job with what it changed, the latest first
GET  /v1/reprices/ID how far it is
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from collector.acts import Acts
from collector.backup_jobs import BackupJobs
from collector.errors import RefusedInput, WatchkeeperError
from collector.keeping import FLOOR_DAYS, Hold, Signal
from collector.repricing import Repricing
from collector.upkeep import Upkeep

__all__ = ["create_admin"]


def create_admin(
    acts: Acts,
    upkeep: Upkeep,
    backups: BackupJobs,
    repricing: Repricing,
    now: Callable[[], datetime],
) -> Starlette:
    """The application behind the admin socket."""
    return Starlette(
        routes=[
            *_retention_routes(acts, upkeep, now),
            *_backup_routes(backups),
            *_reprice_routes(repricing),
        ],
        exception_handlers={WatchkeeperError: _refused},
    )


def _retention_routes(acts: Acts, upkeep: Upkeep, now: Callable[[], datetime]) -> list[Route]:
    def act(token: str) -> dict[str, Any]:
        done = acts.add(token, now())
        upkeep.tell_acts()
        return {"act_id": done.act_id}

    async def show(request: Request) -> Response:
        return JSONResponse(_rules(acts, upkeep, now()))

    async def change(request: Request) -> Response:
        body = await _body(request)
        return JSONResponse(await run_in_threadpool(act, str(body.get("act"))))

    return [
        Route("/v1/retention", show, methods=["GET"]),
        Route("/v1/retention", change, methods=["POST"]),
    ]


def _backup_routes(backups: BackupJobs) -> list[Route]:
    async def start(request: Request) -> Response:
        body = await _body(request)
        with_keys = body.get("with_keys") is True
        return JSONResponse(backups.start(str(body.get("target")), with_keys=with_keys))

    async def one(request: Request) -> Response:
        return JSONResponse(backups.get(request.path_params["job_id"]))

    return [
        Route("/v1/backups", start, methods=["POST"]),
        Route("/v1/backups/{job_id}", one, methods=["GET"]),
    ]


def _reprice_routes(repricing: Repricing) -> list[Route]:
    async def start(request: Request) -> Response:
        body = await _body(request)
        since, until = _instant(body, "since"), _instant(body, "until")
        actor, reason = str(body.get("actor") or ""), str(body.get("reason") or "")
        return JSONResponse(await run_in_threadpool(repricing.start, since, until, actor, reason))

    async def every(request: Request) -> Response:
        return JSONResponse({"reprices": repricing.all()})

    async def one(request: Request) -> Response:
        return JSONResponse(repricing.get(request.path_params["job_id"]))

    return [
        Route("/v1/reprices", start, methods=["POST"]),
        Route("/v1/reprices", every, methods=["GET"]),
        Route("/v1/reprices/{job_id}", one, methods=["GET"]),
    ]


def _instant(body: dict[str, Any], name: str) -> datetime:
    try:
        at = datetime.fromisoformat(str(body.get(name)))
    except ValueError as error:
        raise RefusedInput(f"{name}: expected a time such as 2026-01-15T12:00:00Z") from error
    if at.tzinfo is None or not 1970 <= at.year <= 2200:
        raise RefusedInput(f"{name}: expected a time with its zone, between 1970 and 2200")
    return at


def _rules(acts: Acts, upkeep: Upkeep, now: datetime) -> dict[str, Any]:
    rules = acts.rules
    override = rules.override if rules.override and rules.override.until > now else None
    return {
        "days": {signal.value: rules.days_of(signal, now) for signal in Signal},
        "floor_days": FLOOR_DAYS,
        "override": override
        and {
            "by": override.by,
            "at": override.at.isoformat(),
            "reason": override.reason,
            "days": override.days,
            "until": override.until.isoformat(),
        },
        "holds": [_hold(hold) for hold in rules.holds],
        "faults": [fault for fault in (acts.fault, *upkeep.faults()) if fault],
    }


def _hold(hold: Hold) -> dict[str, Any]:
    return {
        "hold_id": hold.hold_id,
        "by": hold.by,
        "at": hold.at.isoformat(),
        "reason": hold.reason,
        "since": hold.since.isoformat(),
        "until": hold.until.isoformat(),
        "agent": hold.agent,
    }


async def _body(request: Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError as error:
        raise RefusedInput(f"expected a JSON object: {error}") from error
    if not isinstance(body, dict):
        raise RefusedInput(f"expected a JSON object, got {type(body).__name__}")
    return body


async def _refused(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": {"message": str(error)}}, status_code=400)
