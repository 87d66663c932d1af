"""Doors to the two processes behind the dashboard: HTTP calls and their errors."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx

Json = dict[str, Any]


class DoorError(Exception):
    """A call that brought no answer to show."""


class Away(DoorError):
    """The process does not answer at all."""

    def __init__(self, process: str, url: str) -> None:
        super().__init__(f"{process} does not answer at {url}")
        self.process = process
        self.url = url


class Refused(DoorError):
    """The process answered that it will not do this, and why."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


@dataclass(frozen=True)
class Door:
    """One process: its name in messages and a connection pool to it."""

    process: str
    client: httpx.Client

    def call(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        params: Mapping[str, str | int | float] | None = None,
        body: Json | None = None,
    ) -> httpx.Response:
        """The answer; raises Away or Refused."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        try:
            answer = self.client.request(method, path, params=params, json=body, headers=headers)
        except httpx.TransportError as error:
            raise Away(self.process, str(self.client.base_url)) from error
        if answer.is_success:
            return answer
        raise refusal(answer)


def refusal(answer: httpx.Response) -> Refused:
    """What an error answer says, even when it does not keep to the documented shape."""
    try:
        error = answer.json()["error"]
        return Refused(answer.status_code, str(error["code"]), str(error["message"]))
    except (ValueError, KeyError, TypeError):
        return Refused(answer.status_code, f"http_{answer.status_code}", answer.text[:200])


@cache
def collector() -> Door:
    """The query API; frames may take a while."""
    return _door("the collector", "WATCHKEEPER_API", "127.0.0.1:4319", read_s=35)


@cache
def control() -> Door:
    """The control API; an operator waits for it, so it is given little time."""
    return _door("the control process", "WATCHKEEPER_CONTROL", "127.0.0.1:4320", read_s=8)


def _door(process: str, variable: str, default: str, *, read_s: float) -> Door:
    address = os.environ.get(variable) or default
    timeout = httpx.Timeout(read_s, connect=2)
    return Door(
        process, httpx.Client(base_url=f"http://{address}", timeout=timeout, trust_env=False)
    )
