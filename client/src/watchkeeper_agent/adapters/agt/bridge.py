"""`bridge()`: one line, and what AGT does in this process is told to OpenTelemetry."""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from opentelemetry._logs import LoggerProvider, get_logger_provider

from watchkeeper_agent.adapters.agt.hooks import Listening, listen
from watchkeeper_agent.adapters.agt.table import HOOKS
from watchkeeper_agent.adapters.agt.teller import Teller
from watchkeeper_agent.errors import AgentError
from watchkeeper_agent.identifiers import uuid7

_PACKAGES = ("agent-governance-toolkit-core", "agentmesh-platform", "agent-os-kernel")
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
# How long a process that ends, or a caller, waits for an exporter that hangs.
_PATIENCE_S = 5.0
_log = logging.getLogger("watchkeeper_agent")


@dataclass
class Bridge:
    """What is wired. `skipped` names what this AGT does not have, and why."""

    wired: tuple[str, ...]
    skipped: tuple[str, ...]
    agt_version: str | None
    teller: Teller = field(repr=False)
    _listening: list[Listening] = field(repr=False)
    _own_provider: Any = field(default=None, repr=False)

    @property
    def dropped(self) -> int:
        """Events that were not told because the exporter could not keep up."""
        return self.teller.dropped

    def flush(self, seconds: float = _PATIENCE_S) -> bool:
        """Hand everything heard so far to OpenTelemetry, and export it if that is ours.

        False if that takes longer: it goes on, but nobody waits for it.
        """
        return self.teller.flush(seconds, self._own_provider and self._own_provider.force_flush)

    def remove(self) -> None:
        """Take every hook off, tell what is waiting, and be as if never there."""
        with _changing:
            for listening in self._listening:
                listening.stop()
            self._listening.clear()
            atexit.unregister(self.flush)
            self.teller.close(_PATIENCE_S, self._own_provider and self._own_provider.shutdown)
            if _bridges and _bridges[-1] is self:
                _bridges.clear()


_changing = threading.Lock()
_bridges: list[Bridge] = []


def bridge(
    endpoint: str | None = None,
    *,
    agent: str | None = None,
    names: Mapping[str, str] | None = None,
    logger_provider: LoggerProvider | None = None,
    reasons: bool = False,
) -> Bridge:
    """Tell what AGT does in this process; a second call answers the bridge that is there.

    `endpoint`: an OTLP/HTTP receiver such as http://127.0.0.1:4318. Without it the host's
    LoggerProvider is used, or, when it has none, the one that OTEL_EXPORTER_OTLP_ENDPOINT
    names. `agent`: whom AGT means where it names nobody. `names`: names of agents that AGT
    knows by a DID. `reasons`: also tell AGT's texts of reasons, which may hold personal data.
    """
    with _changing:
        if _bridges:
            return _bridges[-1]
        own = None if logger_provider else _own_provider(endpoint, agent)
        teller = Teller(logger_provider or own, agent, names, reasons)
        made = _wire(teller, own)
        atexit.register(made.flush)
        _bridges.append(made)
    _log.info("agt_bridged version=%s wired=%s", made.agt_version, ",".join(made.wired))
    return made


def _wire(teller: Teller, own: Any) -> Bridge:
    tried = {hook: listen(hook, teller) for hook in HOOKS}
    on = [listening for listening in tried.values() if isinstance(listening, Listening)]
    return Bridge(
        wired=tuple(dict.fromkeys(listening.hook.part for listening in on)),
        skipped=tuple(why for why in tried.values() if isinstance(why, str)),
        agt_version=_agt_version(),
        teller=teller,
        _listening=on,
        _own_provider=own,
    )


def _agt_version() -> str | None:
    for package in _PACKAGES:
        try:
            return version(package)
        except PackageNotFoundError:
            continue
    return None


def _own_provider(endpoint: str | None, agent: str | None) -> Any:
    """A provider of the bridge's own where it is asked for, or nobody else has one."""
    named = any(os.environ.get(variable) for variable in _ENDPOINTS)
    if endpoint is None and (not named or not _is_unset(get_logger_provider())):
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
        from opentelemetry.sdk._logs import LoggerProvider as SdkProvider
        from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
        from opentelemetry.sdk.resources import Resource
    except ImportError as error:
        raise AgentError(
            f"an OTLP endpoint is named, but its exporter is not installed ({error}): "
            "pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-http, "
            "or set a LoggerProvider of your own"
        ) from error
    known: dict[str, str] = {"service.instance.id": str(uuid7())}
    if agent and "OTEL_SERVICE_NAME" not in os.environ:
        known["service.name"] = agent
    exporter = OTLPLogExporter(f"{endpoint.rstrip('/')}/v1/logs") if endpoint else OTLPLogExporter()
    # At exit flush() waits for it, and not longer than it may.
    provider = SdkProvider(resource=Resource.create(known), shutdown_on_exit=False)
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    return provider


def _is_unset(provider: Any) -> bool:
    """The API answers a proxy until somebody sets a provider."""
    return type(provider).__name__ in ("ProxyLoggerProvider", "NoOpLoggerProvider")
