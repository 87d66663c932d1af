"""Transitions told to the collector: OTLP log records, spooled until it has stored them.

They leave in order, at least once. Nothing waits for them.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import logging
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, SeverityNumber

from collector.config import VERSION, Address
from collector.control.journal import Journal, Row
from collector.control.moments import moment, nanoseconds
from collector.local import LocalConnection

EVENT_NAME = "watchkeeper.command"
SCOPE = "watchkeeper.control"
BATCH = 200
TIMEOUT_S = 5.0
FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 15.0

log = logging.getLogger(__name__)

Value: TypeAlias = str | int | float | bool


@dataclass(frozen=True)
class Event:
    """One transition as the journal keeps it: a time and the attributes that are known."""

    time_ns: int
    attributes: Mapping[str, Value]
    name: str = EVENT_NAME
    told: str | None = None

    @classmethod
    def at(cls, when: str, attributes: Mapping[str, Value], name: str, told: str) -> Event:
        """Of a time as the journal writes it."""
        return cls(nanoseconds(moment(when)), attributes, name, told)

    @property
    def text(self) -> str:
        return json.dumps(
            {
                "time_ns": self.time_ns,
                "attributes": dict(self.attributes),
                "name": self.name,
                "told": self.told,
            }
        )

    @classmethod
    def of(cls, text: str) -> Event:
        value = json.loads(text)
        # What an older Watchkeeper spooled has no name: then it told commands only.
        name = value.get("name", EVENT_NAME)
        return cls(value["time_ns"], value["attributes"], name, value.get("told"))

    @property
    def record(self) -> LogRecord:
        """Equal for every attempt, so that the collector knows a repetition."""
        told = self.told or f"command {self.attributes['watchkeeper.command.phase']}"
        return LogRecord(
            time_unix_nano=self.time_ns,
            observed_time_unix_nano=self.time_ns,
            severity_number=SeverityNumber.SEVERITY_NUMBER_INFO,
            severity_text="INFO",
            event_name=self.name,
            body=AnyValue(string_value=told),
            attributes=[_attribute(name, value) for name, value in self.attributes.items()],
        )


def request(events: Sequence[Event]) -> ExportLogsServiceRequest:
    """One OTLP export request."""
    message = ExportLogsServiceRequest()
    resource = message.resource_logs.add()
    resource.resource.attributes.extend(
        [
            _attribute("service.name", "watchkeeper-control"),
            _attribute("service.version", VERSION),
        ]
    )
    scope = resource.scope_logs.add()
    scope.scope.name = SCOPE
    scope.scope.version = VERSION
    scope.log_records.extend(event.record for event in events)
    return message


def _attribute(name: str, value: Value) -> KeyValue:
    # bool before int: every bool is an int.
    if isinstance(value, bool):
        return KeyValue(key=name, value=AnyValue(bool_value=value))
    if isinstance(value, int):
        return KeyValue(key=name, value=AnyValue(int_value=value))
    if isinstance(value, float):
        return KeyValue(key=name, value=AnyValue(double_value=value))
    return KeyValue(key=name, value=AnyValue(string_value=value))


class Spool:
    """Empties the journal's spool into the collector, oldest first."""

    def __init__(self, journal: Journal, collector: Address, local: Path | None = None) -> None:
        self._journal = journal
        self._collector = collector
        self._local = local
        self._news = asyncio.Event()

    def tell(self, event: Event) -> None:
        """Keep an event within the running transaction."""
        self._journal.change("add_event", event=event.text)
        self._news.set()

    async def run(self) -> None:
        """Deliver for ever; a collector that is away costs a pause that doubles."""
        pause = FIRST_PAUSE_S
        while True:
            self._news.clear()
            try:
                await self.deliver()
                pause = FIRST_PAUSE_S
                await self._news.wait()
            except (OSError, http.client.HTTPException, sqlite3.OperationalError) as error:
                log.warning("events_waiting error=%s pause_s=%s", error, pause)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_S)

    async def deliver(self) -> None:
        """Everything that waits; OSError when the collector does not confirm a batch."""
        while waiting := self._journal.rows("next_events", limit=BATCH):
            await asyncio.to_thread(self._post, _body(waiting))
            with self._journal.transaction():
                self._journal.change("forget_events", last=waiting[-1]["id"])

    def _post(self, body: bytes) -> None:
        with contextlib.closing(self._connection()) as connection:
            headers = {"content-type": "application/x-protobuf"}
            connection.request("POST", "/v1/logs", body, headers)
            status = connection.getresponse().status
        if status != 200:
            raise OSError(f"expected status 200 from {self._collector.url}/v1/logs, got {status}")

    def _connection(self) -> http.client.HTTPConnection:
        """To the collector of the same home without credentials, else to its address."""
        if self._local is not None and self._local.is_socket():
            return LocalConnection(self._local, timeout=TIMEOUT_S)
        return http.client.HTTPConnection(
            self._collector.host, self._collector.port, timeout=TIMEOUT_S
        )


def _body(waiting: Sequence[Row]) -> bytes:
    return request([_numbered(row) for row in waiting]).SerializeToString()


def _numbered(row: Row) -> Event:
    """With its number in the spool: an event that is lost on the way shows as a gap."""
    event = Event.of(row["event"])
    number: dict[str, Value] = {
        "watchkeeper.sequence.stream": row["stream"],
        "watchkeeper.sequence.number": row["number"],
    }
    # What the spool held before it numbered its events keeps the shape it was sent in.
    return replace(event, attributes={**event.attributes, **number}) if row["number"] > 0 else event


def attributes(known: Mapping[str, Any]) -> dict[str, Value]:
    """Only what is known: an absent attribute means "not known", never an empty text."""
    return {name: value for name, value in known.items() if value is not None}
