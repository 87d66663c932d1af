"""Settings: where things listen and where they live.

A flag wins over its environment variable, which wins over the default. On
loopback with a fresh home nothing needs to be set.
"""

from __future__ import annotations

import argparse
import ipaddress
import os
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from collector.errors import ConfigurationError

VERSION = "0.1.0"


@dataclass(frozen=True)
class Address:
    """A host and a TCP port."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        host, colon, port = text.rpartition(":")
        if not colon or not host or not port.isdigit() or int(port) > 65535:
            raise ConfigurationError(f"expected HOST:PORT such as 127.0.0.1:4317, got {text!r}")
        return cls(host.strip("[]"), int(port))

    @property
    def is_loopback(self) -> bool:
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Setting:
    """One setting with its flag, its environment variable and its default."""

    name: str
    default: str
    meaning: str

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        return "WATCHKEEPER_" + self.name.upper()


ADDRESSES = (
    Setting("otlp_grpc", "127.0.0.1:4317", "OTLP over gRPC"),
    Setting("otlp_http", "127.0.0.1:4318", "OTLP over HTTP"),
    Setting("api", "127.0.0.1:4319", "query API"),
    Setting("control", "127.0.0.1:4320", "OpAMP and command API"),
    Setting("ui", "127.0.0.1:8501", "dashboard"),
)
HOME = Setting("home", "watchkeeper-home", "data, keys and configuration")
INTAKE = (
    Setting(
        "ingest_auth", "auto", "who may send: auto (tokens once there are some), required, open"
    ),
    Setting("source_rate", "", "bytes a second that one source may send, such as 5MiB"),
    Setting("max_value", "256KiB", "bytes of one attribute value or name; the rest is cut"),
    Setting("max_body", "1MiB", "bytes of one text in a log's body; the rest is cut"),
)
HOT_DAYS = Setting("hot_days", "7", "days that stay in the database before they are archived")
TLS = (
    Setting("tls_cert", "", "PEM certificate chain of both OTLP addresses"),
    Setting("tls_key", "", "PEM key of that certificate, without a password"),
    Setting("tls_client_ca", "", "PEM authorities: only clients with a certificate of theirs"),
)
TOLD = (
    Setting("log_level", "info", "least level of the collector's log: debug, info, warning, error"),
    Setting("otel_endpoint", "", "where the collector's own traces go, OTLP over HTTP"),
)
LOG_LEVELS = ("debug", "info", "warning", "error")
# The other addresses leave TLS to a proxy.
_ENCRYPTED = frozenset({"otlp_grpc", "otlp_http"})
_HOW_TO_ENCRYPT = {
    True: "name a certificate with --tls-cert and --tls-key",
    False: "put a TLS proxy in front",
}
_RATE_UNITS = {"": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}


class IngestAuth(StrEnum):
    """When a sender must say who it is."""

    AUTO = "auto"
    REQUIRED = "required"
    OPEN = "open"

    @classmethod
    def parse(cls, text: str) -> IngestAuth:
        try:
            return cls(text)
        except ValueError as error:
            raise ConfigurationError(
                f"--ingest-auth is one of {', '.join(cls)}, got {text!r}"
            ) from error


def parse_rate(text: str) -> int | None:
    """A number of bytes, such as those of a second; nothing said is no limit."""
    if not text:
        return None
    found = re.fullmatch(r"(\d{1,15})(|KiB|MiB|GiB)", text)
    if not found or int(found[1]) == 0:
        raise ConfigurationError(f"expected bytes such as 500000, 512KiB or 5MiB, got {text!r}")
    return int(found[1]) * _RATE_UNITS[found[2]]


def parse_hot_days(text: str) -> int:
    """Whole days; a day is closed once it is over, so one is the least."""
    if not re.fullmatch(r"\d{1,5}", text) or int(text) == 0:
        raise ConfigurationError(f"--hot-days takes a number of days such as 7, got {text!r}")
    return int(text)


@dataclass(frozen=True)
class Settings:
    """Everything a process needs to know before it starts."""

    home: Path
    otlp_grpc: Address
    otlp_http: Address
    api: Address
    control: Address
    ui: Address
    ingest_auth: IngestAuth = IngestAuth.AUTO
    source_rate: int | None = None
    max_value: int = 256 * 1024
    max_body: int = 1024 * 1024
    hot_days: int = int(HOT_DAYS.default)
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tls_client_ca: Path | None = None
    log_level: str = "info"
    otel_endpoint: str = ""

    def __post_init__(self) -> None:
        if self.log_level not in LOG_LEVELS:
            raise ConfigurationError(
                f"--log-level is one of {', '.join(LOG_LEVELS)}, got {self.log_level!r}"
            )
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ConfigurationError("--tls-cert and --tls-key belong together: name both")
        if self.tls_client_ca is not None and self.tls_cert is None:
            raise ConfigurationError("--tls-client-ca needs --tls-cert and --tls-key as well")
        for setting in ADDRESSES:
            if self.tls_cert is not None and setting.name in _ENCRYPTED:
                continue
            address: Address = getattr(self, setting.name)
            if not address.is_loopback and os.environ.get("WATCHKEEPER_ALLOW_PLAINTEXT") != "1":
                raise ConfigurationError(
                    f"{setting.flag} {address} is not loopback and would carry plaintext: "
                    f"{_HOW_TO_ENCRYPT[setting.name in _ENCRYPTED]}, "
                    "or set WATCHKEEPER_ALLOW_PLAINTEXT=1 to accept that"
                )

    @property
    def data(self) -> Path:
        """The write-ahead log and the DuckDB file."""
        return self.home / "data"

    @property
    def objectives(self) -> Path:
        """OpenSLO files."""
        return self.home / "objectives"

    @property
    def identities(self) -> Path:
        """Operators' decisions about names."""
        return self.home / "identities.jsonl"

    @property
    def sequences(self) -> Path:
        """Sequence rules."""
        return self.home / "sequences"

    @property
    def prices(self) -> Path:
        """Prices of tokens that add to or replace the built-in ones; see docs/costs.md."""
        return self.home / "prices.yaml"

    @property
    def budgets(self) -> Path:
        """Budgets in money; see docs/costs.md."""
        return self.home / "budgets.yaml"

    @property
    def inventory(self) -> Path:
        """What is registered; see docs/inventory.md."""
        return self.home / "inventory.yaml"

    @property
    def control_home(self) -> Path:
        """The control journal and the signing key."""
        return self.home / "control"

    @property
    def otlp_http_url(self) -> str:
        """Where an exporter posts to."""
        url = self.otlp_http.url
        return url.replace("http:", "https:", 1) if self.tls_cert else url

    @property
    def tokens(self) -> Path:
        """The ingest tokens, as hashes."""
        return self.home / "ingest-tokens.json"

    @property
    def redaction(self) -> Path:
        """What must not reach the disk; see docs/intake-security.md."""
        return self.home / "redaction.yaml"

    @property
    def redaction_key(self) -> Path:
        """The key of redacted hashes."""
        return self.home / "redaction.key"

    @property
    def intake_socket(self) -> Path:
        """OTLP over HTTP for processes of the same home, which need no credentials."""
        return self.data / "intake.sock"

    @property
    def admin_socket(self) -> Path:
        """What whoever owns the home may ask of the collector: backups and retention."""
        return self.data / "admin.sock"

    @property
    def retention_acts(self) -> Path:
        """Signed acts that set how long evidence is kept."""
        return self.data / "retention-acts.jws"

    @property
    def is_exposed(self) -> bool:
        """Whether telemetry may come from another machine."""
        return not (self.otlp_grpc.is_loopback and self.otlp_http.is_loopback)

    @property
    def reports(self) -> Path:
        """Finished reports and the report signing key."""
        return self.home / "reports"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a command the flags that every process takes."""
    parser.add_argument("--home", metavar="DIR", help=f"{HOME.meaning} (default: ./{HOME.default})")
    for setting in ADDRESSES:
        parser.add_argument(
            setting.flag,
            metavar="HOST:PORT",
            help=f"{setting.meaning} (default: {setting.default}, or ${setting.variable})",
        )
    for setting in (*INTAKE, HOT_DAYS, *TLS, *TOLD):
        default = f"default: {setting.default or 'none'}, or ${setting.variable}"
        parser.add_argument(setting.flag, help=f"{setting.meaning} ({default})")


def settings_from(arguments: argparse.Namespace) -> Settings:
    """Settings from flags, environment and defaults, in that order."""
    chosen: dict[str, Any] = {
        setting.name: Address.parse(_chosen(arguments, setting)) for setting in ADDRESSES
    }
    auth, rate, value, body = (_chosen(arguments, setting) for setting in INTAKE)
    chosen |= {setting.name: _chosen(arguments, setting) for setting in TOLD}
    chosen |= {setting.name: _file(_chosen(arguments, setting)) for setting in TLS}
    return Settings(
        home=Path(_chosen(arguments, HOME)).resolve(),
        **chosen,
        ingest_auth=IngestAuth.parse(auth),
        source_rate=parse_rate(rate),
        max_value=_size(value),
        max_body=_size(body),
        hot_days=parse_hot_days(_chosen(arguments, HOT_DAYS)),
    )


def _size(text: str) -> int:
    size = parse_rate(text)
    if size is None or size < 64:
        raise ConfigurationError(f"expected 64 bytes or more, such as 256KiB, got {text!r}")
    return size


def _file(text: str) -> Path | None:
    return Path(text).resolve() if text else None


def _chosen(arguments: argparse.Namespace, setting: Setting) -> str:
    flag = getattr(arguments, setting.name, None)
    return flag or os.environ.get(setting.variable) or setting.default
