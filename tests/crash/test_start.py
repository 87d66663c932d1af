"""A collector that cannot start says why in one sentence and leaves with a status."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.crash


def refusal(collector: Any, **changes: str) -> str:
    process = collector.run(**changes)
    out, told = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    assert len(told.splitlines()) == 1, told
    return str(told)


def test_the_ready_line_names_every_address(collector: Any) -> None:
    assert collector.start() == (
        f"ready otlp_grpc={collector.grpc} otlp_http={collector.http} api={collector.api}\n"
    )


@pytest.mark.parametrize("flag", ["otlp-grpc", "otlp-http", "api"])
def test_a_taken_port_is_named_with_its_flag(collector: Any, flag: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        told = refusal(collector, **{flag: f"127.0.0.1:{taken.getsockname()[1]}"})

    assert "another program listens there" in told
    assert f"--{flag}" in told


def test_a_second_collector_on_the_same_home_is_refused(collector: Any) -> None:
    collector.start()
    free = dict.fromkeys(("otlp-grpc", "otlp-http", "api"), "127.0.0.1:0")

    assert "another collector uses" in refusal(collector, **free)


def test_a_home_that_cannot_be_written_is_refused(collector: Any, tmp_path: Path) -> None:
    collector.home = tmp_path / "file" / "home"
    (tmp_path / "file").write_text("not a directory")

    assert "choose another place with --home" in refusal(collector)
