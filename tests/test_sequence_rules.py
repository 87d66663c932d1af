"""The directory of sequence rules, and the rules followed by a real collector."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from stack import REPOSITORY, environment_with_free_ports

from collector.sequence_rules import SequenceRules

RULE = (REPOSITORY / "sample_data" / "sequences" / "mail-then-outside.yaml").read_text()
PERIOD = {"since": "2020-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z"}


class Clock:
    """Seconds that pass when asked to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 10
        return self.now


@pytest.fixture
def rules(tmp_path: Path) -> SequenceRules:
    (tmp_path / "mail.yaml").write_text(RULE)
    return SequenceRules(tmp_path, Clock())


def test_rules_are_the_same_value_until_a_file_changes(
    rules: SequenceRules, tmp_path: Path
) -> None:
    once = rules.all()

    assert rules.all() is once
    (tmp_path / "mail.yaml").write_text(RULE.replace("10m", "20m "))
    assert rules.all() != once


def test_a_wrong_file_leaves_its_last_good_version_in_force_and_says_why(
    rules: SequenceRules, tmp_path: Path
) -> None:
    good = rules.all()

    (tmp_path / "mail.yaml").write_text(RULE.replace("severity: high", "severity: grave"))

    assert rules.all() == good
    [error] = rules.errors
    assert (error.file, error.line) == ("mail.yaml", 10)
    assert "expected one of critical" in error.reason


def test_a_name_that_is_taken_is_refused_in_the_later_file(
    rules: SequenceRules, tmp_path: Path
) -> None:
    (tmp_path / "other.yaml").write_text(RULE)

    assert [rule.name for rule in rules.all()] == ["mail-then-outside"]
    assert "is in mail.yaml already" in rules.errors[0].reason


def test_a_directory_that_cannot_be_listed_leaves_its_rules_in_force_and_says_why(
    rules: SequenceRules, tmp_path: Path
) -> None:
    good = rules.all()
    tmp_path.rename(tmp_path.with_suffix(".away"))
    tmp_path.symlink_to(tmp_path.name)

    assert rules.all() is good
    [error] = rules.errors
    assert (error.file, error.reason) == (
        tmp_path.name,
        "cannot be read: Too many levels of symbolic links",
    )

    tmp_path.unlink()
    tmp_path.with_suffix(".away").rename(tmp_path)
    assert (rules.all(), rules.errors) == (good, ())


def test_a_pipe_among_the_rules_is_refused_and_the_rest_goes_on(
    rules: SequenceRules, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "a.yaml")

    assert [rule.name for rule in rules.all()] == ["mail-then-outside"]
    assert [error.file for error in rules.errors] == ["a.yaml"]


def test_no_directory_is_no_rules(tmp_path: Path) -> None:
    assert SequenceRules(tmp_path / "none", Clock()).all() == ()


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[dict[str, str]]:
    (tmp_path / "sequences").mkdir()
    (tmp_path / "sequences" / "mail.yaml").write_text(RULE)
    environment = environment_with_free_ports()
    with subprocess.Popen(
        [sys.executable, "-m", "collector", "collector", "--home", str(tmp_path)],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("ready")
        yield environment
        process.terminate()


def test_a_collector_finds_what_is_done_one_after_the_other(
    collector: dict[str, str], tmp_path: Path
) -> None:
    _act(collector, "read_mail", "draft_answer", "send_outside")

    [match] = _eventually(lambda: _asked(collector, "sequences", PERIOD))

    assert (match["rule"], match["severity"], match["agent"]) == (
        "mail-then-outside",
        "high",
        "rogue",
    )
    assert [action["name"] for action in match["actions"]] == ["read_mail", "send_outside"]
    [rule] = _asked(collector, "sequence_rules", {})
    assert (rule["state"], rule["matches"]) == ("in_force", 1)


def test_the_command_line_lists_rules_and_what_is_wrong_with_them(
    collector: dict[str, str], tmp_path: Path
) -> None:
    _act(collector, "read_mail", "transfer")
    _eventually(lambda: _asked(collector, "sequences", PERIOD))
    (tmp_path / "sequences" / "bad.yaml").write_text("kind: SequenceRule\n")
    _eventually(lambda: [r for r in _asked(collector, "sequence_rules", {}) if not r["rule"]])

    listed = _watchkeeper(collector, "sequences", "list")
    checked = _watchkeeper(collector, "sequences", "check", str(tmp_path / "sequences/bad.yaml"))

    assert listed.stdout == "mail-then-outside\thigh\t1 matches\n"
    assert "bad.yaml: refused: line 1: the field apiVersion is missing" in listed.stderr
    assert (listed.returncode, checked.returncode) == (1, 1)
    assert checked.stderr == "bad.yaml:1: the field apiVersion is missing\n"


def _act(environment: dict[str, str], *tools: str) -> None:
    resource = Resource.create({"service.name": "rogue"})
    provider = TracerProvider(resource=resource)
    url = f"http://{environment['WATCHKEEPER_OTLP_HTTP']}/v1/traces"
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(url)))
    tracer = provider.get_tracer("test")
    invoked = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "rogue"}
    with tracer.start_as_current_span("invoke_agent rogue", attributes=invoked):
        for tool in tools:
            called = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": tool}
            with tracer.start_as_current_span(f"execute_tool {tool}", attributes=called):
                pass
    provider.shutdown()


def _asked(environment: dict[str, str], name: str, sent: dict[str, str]) -> list[dict[str, Any]]:
    url = f"http://{environment['WATCHKEEPER_API']}/v1/query/{name}"
    answer = httpx.get(url, params=sent).raise_for_status()
    return pl.read_ipc_stream(answer.content).to_dicts()


def _eventually(ask: Any) -> Any:
    until = time.monotonic() + 30
    while not (found := ask()) and time.monotonic() < until:
        time.sleep(0.1)
    return found


def _watchkeeper(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "collector", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
