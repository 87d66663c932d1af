"""The file of tokens: what it refuses, and how a change is seen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest

from collector.config import IngestAuth, parse_rate
from collector.errors import ConfigurationError, RefusedInput
from collector.receive.credentials import Credentials, Unauthenticated
from collector.receive.tokens import TokenFile

NOON = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def file(tmp_path: Path, clock: Clock) -> TokenFile:
    return TokenFile(tmp_path / "ingest-tokens.json", now=clock, look_again_s=0)


def test_what_was_added_is_read_again(file: TokenFile) -> None:
    expires_at = NOON + timedelta(days=90)

    presented = file.add(
        "billing",
        agents=("clerk", "gate*"),
        environments=("prod",),
        expires_at=expires_at,
        bytes_per_second=500,
    )

    token = file.read().holder(presented)
    assert token is not None
    assert (token.name, token.agents, token.environments) == (
        "billing",
        ("clerk", "gate*"),
        ("prod",),
    )
    assert (token.expires_at, token.bytes_per_second) == (expires_at, 500)


def test_no_two_tokens_are_alike(file: TokenFile) -> None:
    assert len({file.add(f"source-{number}") for number in range(50)}) == 50


@pytest.mark.parametrize("name", ["", "-x", "a b", "a\n", "é", "x" * 65, "../x"])
def test_a_name_that_could_not_be_shown_is_refused(file: TokenFile, name: str) -> None:
    with pytest.raises(RefusedInput, match="1 to 64 letters"):
        file.add(name)


def test_an_active_name_is_not_given_twice_and_a_revoked_one_is(file: TokenFile) -> None:
    first = file.add("billing")
    with pytest.raises(RefusedInput, match="active token billing already"):
        file.add("billing")
    file.revoke("billing")
    second = file.add("billing")

    holders = [file.read().holder(presented) for presented in (first, second)]
    assert [one and one.state(NOON) for one in holders] == ["revoked", "active"]


def test_revoking_what_is_not_there_says_where_to_look(file: TokenFile) -> None:
    with pytest.raises(RefusedInput, match="tokens list"):
        file.revoke("billing")


def test_a_token_is_good_until_the_moment_it_expires(file: TokenFile, clock: Clock) -> None:
    presented = file.add("billing", expires_at=NOON + timedelta(hours=1))
    credentials = Credentials(file, now=clock)
    bearer = f"Bearer {presented}"

    clock.now = NOON + timedelta(minutes=59)
    assert credentials.grant("otlp-grpc", bearer).source == "token:billing"
    clock.now = NOON + timedelta(hours=1)
    with pytest.raises(Unauthenticated, match="billing is expired"):
        credentials.grant("otlp-grpc", bearer)


def test_writers_at_the_same_time_lose_nothing(file: TokenFile) -> None:
    writers = [Thread(target=file.add, args=(f"source-{number}",)) for number in range(12)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert len(file.read().all) == 12


def test_a_file_broken_while_running_leaves_the_last_tokens_in_force(
    file: TokenFile, tmp_path: Path
) -> None:
    presented = file.add("billing")
    assert file.current().holder(presented) is not None
    (tmp_path / "ingest-tokens.json").write_text('{"tokens": [{"name": "x"}]}')

    assert file.current().holder(presented) is not None
    with pytest.raises(ConfigurationError, match="not a list of tokens"):
        file.read()


def test_a_loopback_door_opens_only_while_there_never_was_a_token(file: TokenFile) -> None:
    closed = Credentials(file, exposed=True)
    always = Credentials(file, mode=IngestAuth.REQUIRED)
    by_itself = Credentials(file)

    assert by_itself.grant("otlp-http", "Bearer of-another-product").source == "otlp-http"
    for credentials in (closed, always):
        with pytest.raises(Unauthenticated, match="got none"):
            credentials.grant("otlp-http")
    file.add("billing")
    with pytest.raises(Unauthenticated):
        by_itself.grant("otlp-http")


def test_an_open_door_still_refuses_a_wrong_token(file: TokenFile) -> None:
    file.add("billing")
    credentials = Credentials(file, mode=IngestAuth.OPEN)

    assert credentials.grant("otlp-http").source == "otlp-http"
    with pytest.raises(Unauthenticated, match="not known"):
        credentials.grant("otlp-http", "Bearer wk_ingest_guess")


def test_a_verified_certificate_names_the_source_in_printable_characters() -> None:
    grant = Credentials(exposed=True).grant("otlp-grpc", certificate="spiffe://x/clerk\n\x1b")

    assert grant.source == "cert:spiffe://x/clerk??"


@pytest.mark.parametrize("text", ["0", "5 MiB", "5MB", "-1", "1.5", "x"])
def test_a_rate_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="5MiB"):
        parse_rate(text)


def test_rates_are_read_in_bytes() -> None:
    assert [parse_rate(text) for text in ("", "7", "2KiB", "5MiB")] == [None, 7, 2048, 5_242_880]
