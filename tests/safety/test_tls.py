"""TLS and client certificates on a real collector, with the official exporters and curl."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
EMPTY = b"\x0a\x00"


@dataclass(frozen=True)
class Pair:
    """A certificate and its key as PEM files."""

    certificate: Path
    key: Path


class Authority:
    """Signs certificates for a test."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = (
            _builder(self._name, self._name, self._key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(certificate.public_bytes(Encoding.PEM))

    def pair(self, name: str, spiffe: str = "", stem: str = "") -> Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        alternatives: list[x509.GeneralName] = [
            x509.DNSName("localhost"),
            x509.IPAddress(ip_address("127.0.0.1")),
        ]
        if spiffe:
            alternatives.insert(0, x509.UniformResourceIdentifier(spiffe))
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = (
            _builder(subject, self._name, key)
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        pair = Pair(*(self._folder / f"{stem or name}.{end}" for end in ("crt", "key")))
        pair.certificate.write_bytes(certificate.public_bytes(Encoding.PEM))
        form = Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        pair.key.write_bytes(key.private_bytes(*form))
        return pair


def _builder(subject: x509.Name, issuer: x509.Name, key: Any) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
    )


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "authority")


def flags(server: Pair, clients: Authority | None = None) -> tuple[str, ...]:
    told = ("--tls-cert", str(server.certificate), "--tls-key", str(server.key))
    return (*told, "--tls-client-ca", str(clients.file)) if clients else told


def span() -> Any:
    seen = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(seen))
    provider.get_tracer("t").start_span("invoke_agent").end()
    return seen.get_finished_spans()[0]


def over_grpc(collector: Any, authority: Authority, client: Pair | None = None) -> None:
    """One export; raises RpcError."""
    credentials = grpc.ssl_channel_credentials(
        authority.file.read_bytes(),
        client and client.key.read_bytes(),
        client and client.certificate.read_bytes(),
    )
    with grpc.secure_channel(f"127.0.0.1:{collector.grpc_port}", credentials) as channel:
        channel.unary_unary(EXPORT)(EMPTY, timeout=5)


def over_http(collector: Any, authority: Authority, client: Pair | None = None) -> int:
    context = ssl.create_default_context(cafile=str(authority.file))
    if client:
        context.load_cert_chain(client.certificate, client.key)
    return httpx.post(
        f"https://127.0.0.1:{collector.http_port}/v1/traces",
        content=EMPTY,
        headers={"content-type": "application/x-protobuf"},
        verify=context,
    ).status_code


def sources(collector: Any) -> list[str]:
    return [
        row["source"] for row in collector.sql("select distinct source from sources order by 1")
    ]


def test_official_exporters_with_client_certificates_are_counted_under_their_names(
    collectors: Callable[..., Any], authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    # requests lets these win over the authority that the exporter was given.
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(variable, raising=False)
    clerk = authority.pair("clerk", spiffe="spiffe://example.org/agent/clerk")
    gateway = authority.pair("gateway")
    collector = collectors(*flags(authority.pair("server"), authority)).start()

    told_grpc = GrpcExporter(
        f"127.0.0.1:{collector.grpc_port}",
        credentials=grpc.ssl_channel_credentials(
            authority.file.read_bytes(), clerk.key.read_bytes(), clerk.certificate.read_bytes()
        ),
    ).export([span()])
    told_http = HttpExporter(
        f"https://127.0.0.1:{collector.http_port}/v1/traces",
        certificate_file=str(authority.file),
        client_certificate_file=str(clerk.certificate),
        client_key_file=str(clerk.key),
    ).export([span()])
    by_common_name = HttpExporter(
        f"https://127.0.0.1:{collector.http_port}/v1/traces",
        certificate_file=str(authority.file),
        client_certificate_file=str(gateway.certificate),
        client_key_file=str(gateway.key),
    ).export([span()])

    assert {told_grpc, told_http, by_common_name} == {SpanExportResult.SUCCESS}
    assert sources(collector) == ["cert:gateway", "cert:spiffe://example.org/agent/clerk"]


def test_without_a_certificate_of_the_authority_nobody_gets_in(
    collectors: Callable[..., Any], authority: Authority, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path, "stranger").pair("rogue")
    collector = collectors(*flags(authority.pair("server"), authority)).start()

    for client in (None, stranger):
        with pytest.raises(grpc.RpcError) as caught:
            over_grpc(collector, authority, client)
        with pytest.raises(httpx.TransportError):
            over_http(collector, authority, client)
        assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
    with pytest.raises(httpx.TransportError):
        httpx.post(f"http://127.0.0.1:{collector.http_port}/v1/traces", content=EMPTY)
    assert sources(collector) == []


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_curl_posts_json_with_its_certificate(
    collectors: Callable[..., Any], authority: Authority
) -> None:
    clerk = authority.pair("clerk")
    collector = collectors(*flags(authority.pair("server"), authority)).start()
    record = '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"x"}}]}]}]}'

    ran = subprocess.run(
        [
            *("curl", "--silent", "--show-error", "--cacert", authority.file),
            *("--cert", clerk.certificate, "--key", clerk.key),
            *("--json", record, f"https://localhost:{collector.http_port}/v1/logs"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    assert sources(collector) == ["cert:clerk"]


def test_a_token_decides_before_the_certificate(
    collectors: Callable[..., Any], authority: Authority
) -> None:
    clerk = authority.pair("clerk")
    collector = collectors(*flags(authority.pair("server"), authority)).start()
    presented = collector.new_token("billing")
    context = ssl.create_default_context(cafile=str(authority.file))
    context.load_cert_chain(clerk.certificate, clerk.key)

    def status(authorization: str) -> int:
        return httpx.post(
            f"https://127.0.0.1:{collector.http_port}/v1/traces",
            content=EMPTY,
            headers={
                "content-type": "application/x-protobuf",
                "authorization": authorization,
            },
            verify=context,
        ).status_code

    assert (status(f"Bearer {presented}"), status("Bearer wk_ingest_guess")) == (200, 401)


def test_a_new_certificate_and_a_new_authority_are_used_without_a_restart(
    collectors: Callable[..., Any], authority: Authority, tmp_path: Path
) -> None:
    server = authority.pair("server")
    clients = Authority(tmp_path, "clients")
    old_client = clients.pair("clerk", stem="old")
    collector = collectors(*flags(server, clients)).start()
    over_grpc(collector, authority, old_client)
    assert over_http(collector, authority, old_client) == 200

    renewed, successor = Authority(tmp_path, "renewed"), Authority(tmp_path, "successor")
    new_client = successor.pair("clerk", stem="new")
    replace(server, renewed.pair("server", stem="next"))
    shutil.copy(successor.file, clients.file)

    over_grpc(collector, renewed, new_client)
    assert over_http(collector, renewed, new_client) == 200
    for trusted, client in ((authority, new_client), (renewed, old_client)):
        with pytest.raises(grpc.RpcError):
            over_grpc(collector, trusted, client)
        with pytest.raises(httpx.TransportError):
            over_http(collector, trusted, client)
    assert "certificate_loaded" in collector.words()


def replace(old: Pair, new: Pair) -> None:
    """As certificate managers do it: one file after the other, each at once."""
    for source, target in ((new.key, old.key), (new.certificate, old.certificate)):
        source.replace(target)


@pytest.mark.parametrize("broken", ["garbage", "another key", "nothing"])
def test_a_broken_new_certificate_is_named_and_the_last_one_stays(
    collectors: Callable[..., Any], authority: Authority, broken: str
) -> None:
    server = authority.pair("server")
    collector = collectors(*flags(server)).start()
    token = collector.new_token("t")
    if broken == "garbage":
        server.certificate.write_text("-----BEGIN CERTIFICATE-----\nno\n")
    elif broken == "another key":
        shutil.copy(authority.pair("other").key, server.key)
    else:
        server.certificate.unlink()

    assert over_http(collector, authority) == 401
    with pytest.raises(grpc.RpcError) as caught:
        over_grpc(collector, authority)
    assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED
    assert collector.words().count("certificate_not_loaded") == 1
    assert token not in collector.words()


def test_connections_that_stand_survive_a_renewal(
    collectors: Callable[..., Any], authority: Authority
) -> None:
    server = authority.pair("server")
    collector = collectors(*flags(server)).start()
    context = ssl.create_default_context(cafile=str(authority.file))
    url = f"https://127.0.0.1:{collector.http_port}/v1/traces"
    headers = {"content-type": "application/x-protobuf"}

    with httpx.Client(verify=context, headers=headers) as client:
        before = client.post(url, content=EMPTY)
        replace(server, authority.pair("server", stem="next"))
        after = client.post(url, content=EMPTY)
        fresh = over_http(collector, authority)

    assert (before.status_code, after.status_code, fresh) == (200, 200, 200)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda pair: pair.certificate.unlink(), "cannot read"),
        (lambda pair: pair.key.write_text("x"), "expected a PEM certificate"),
    ],
    ids=["missing", "garbage"],
)
def test_a_certificate_that_cannot_be_used_ends_the_start_with_one_sentence(
    collectors: Callable[..., Any],
    authority: Authority,
    change: Callable[[Pair], None],
    words: str,
) -> None:
    pair = authority.pair("server")
    change(pair)

    with pytest.raises(AssertionError, match=words):
        collectors(*flags(pair)).start()


def test_beyond_loopback_plaintext_is_refused_and_tls_asks_for_a_token(
    collectors: Callable[..., Any], authority: Authority
) -> None:
    with pytest.raises(AssertionError, match="would carry plaintext: name a certificate"):
        collectors(host="0.0.0.0").start()
    collector = collectors(*flags(authority.pair("server")), host="0.0.0.0").start()

    assert over_http(collector, authority) == 401
