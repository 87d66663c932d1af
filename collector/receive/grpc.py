"""The gRPC door: the three Export calls of OTLP, as bytes in and bytes out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NoReturn, TypeAlias

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health
from grpc_reflection.v1alpha.reflection import SERVICE_NAME as REFLECTION
from grpc_reflection.v1alpha.reflection import enable_server_reflection

from collector.config import Address
from collector.errors import ConfigurationError, RefusedInput, WatchkeeperError
from collector.model import Signal
from collector.receive.answers import response, retry_info, status_of
from collector.receive.coding import is_zlib
from collector.receive.intake import Incoming, Intake
from collector.receive.peers import name_in_context
from collector.receive.tls import Tls
from collector.store.wal import LogError

SOURCE = "otlp-grpc"
HEALTH = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
SERVICES = {
    Signal.TRACES: "opentelemetry.proto.collector.trace.v1.TraceService",
    Signal.LOGS: "opentelemetry.proto.collector.logs.v1.LogsService",
    Signal.METRICS: "opentelemetry.proto.collector.metrics.v1.MetricsService",
}

_Export: TypeAlias = Callable[[bytes, Any], Awaitable[bytes]]

# SDKs ping every ten seconds or more, also between exports; the library's own bound of five
# minutes would end their connections with too_many_pings. A peer that is gone, or that keeps a
# connection and sends nothing whole, is let go; exporters connect again by themselves.
_PATIENCE = {
    "grpc.keepalive_time_ms": 120_000,
    "grpc.keepalive_timeout_ms": 20_000,
    "grpc.keepalive_permit_without_calls": 1,
    "grpc.http2.min_ping_interval_without_data_ms": 5_000,
    "grpc.max_connection_idle_ms": 3_600_000,
    "grpc.max_connection_age_ms": 3_600_000,
    "grpc.max_connection_age_grace_ms": 60_000,
}

_CODES = {code.value[0]: code for code in grpc.StatusCode}


class GrpcDoor:
    """A grpc.aio server on one address; port 0 picks a free one."""

    def __init__(self, intake: Intake, address: Address, tls: Tls | None = None) -> None:
        self._server = grpc.aio.server(options=_options(intake))
        self._tls = tls
        self._health = health.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        asks_clients = tls is not None and tls.asks_clients
        for signal, service in SERVICES.items():
            export = _export(intake, signal, asks_clients)
            self._server.add_generic_rpc_handlers((_handlers(service, export),))
        enable_server_reflection((*SERVICES.values(), HEALTH, REFLECTION), self._server)
        self.address = Address(address.host, self._bound(address))

    async def start(self) -> None:
        await self._server.start()
        for service in ("", *SERVICES.values()):
            await self._health.set(service, health_pb2.HealthCheckResponse.SERVING)

    async def stop(self, grace_s: float) -> None:
        """Refuse new calls, let those in flight finish within the grace."""
        await self._health.enter_graceful_shutdown()
        await self._server.stop(grace_s)

    def _bound(self, address: Address) -> int:
        try:
            port: int = (
                self._server.add_secure_port(str(address), self._tls.credentials())
                if self._tls
                else self._server.add_insecure_port(str(address))
            )
        except RuntimeError as error:
            raise ConfigurationError(
                f"cannot listen on {address} for OTLP over gRPC: choose another with --otlp-grpc"
            ) from error
        return port


def _options(intake: Intake) -> tuple[tuple[str, int], ...]:
    return (
        ("grpc.max_receive_message_length", intake.limits.message_bytes),
        # The library would inflate without a bound of our own; `_coding` tells how to.
        ("grpc.per_message_decompression", 0),
        # Two collectors must not share a port unnoticed.
        ("grpc.so_reuseport", 0),
        *_PATIENCE.items(),
    )


def _handlers(service: str, export: _Export) -> Any:
    method = grpc.unary_unary_rpc_method_handler(export)
    return grpc.method_handlers_generic_handler(service, {"Export": method})


def _export(intake: Intake, signal: Signal, asks_clients: bool) -> _Export:
    async def export(body: bytes, context: Any) -> bytes:
        try:
            answer = await intake.take(_incoming(signal, body, context, asks_clients))
        except (RefusedInput, LogError) as error:
            await _abort(context, error)
        return response(signal, answer).SerializeToString()

    return export


def _incoming(signal: Signal, body: bytes, context: Any, asks_clients: bool) -> Incoming:
    return Incoming(
        signal,
        "protobuf",
        SOURCE,
        body,
        _coding(body),
        authorization=_authorization(context),
        certificate=name_in_context(context.auth_context()) if asks_clients else "",
    )


def _authorization(context: Any) -> str:
    for key, value in context.invocation_metadata():
        if key == "authorization":
            return value if isinstance(value, str) else value.decode("latin-1")
    return ""


def _coding(body: bytes) -> str:
    """How a message is compressed, from its first bytes.

    An OTLP request starts with the tag of its only field, 0x0a; gzip starts with
    0x1f and zlib with 0x78, so they cannot be mistaken for each other.
    """
    if body.startswith(b"\x1f\x8b"):
        return "gzip"
    return "deflate" if body.startswith(b"\x78") and is_zlib(body) else ""


async def _abort(context: Any, error: WatchkeeperError) -> NoReturn:
    status = status_of(error)
    details = [("grpc-status-details-bin", status.SerializeToString())]
    if isinstance(error, LogError):
        # The Python exporter looks for the delay here.
        details.append(("google.rpc.retryinfo-bin", retry_info(error).SerializeToString()))
    await context.abort(_CODES[status.code], status.message, tuple(details))
    raise AssertionError("abort always raises")
