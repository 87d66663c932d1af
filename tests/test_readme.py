"""Every command and every snippet of the README does what the README says."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import polars as pl
import pytest
from stack import (
    ADDRESSES,
    REPOSITORY,
    Stack,
    environment_with_free_ports,
    fresh_copy,
    running,
)

from collector.config import ADDRESSES as SETTINGS
from collector.config import HOME, HOT_DAYS, INTAKE, TLS, TOLD

pytestmark = [pytest.mark.slow]

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)


def _shell_commands() -> list[str]:
    return [block.strip() for block in _blocks("sh")]


def test_make_demo_comes_up_signs_in_and_shows_the_fleet(demo_stack: Stack) -> None:
    """The fixture ran `make demo` in a fresh copy; here a browserless visitor follows its link."""
    with httpx.Client(follow_redirects=True) as visitor:
        page = visitor.get(demo_stack.sign_in_link)

    assert page.status_code == 200
    assert visitor.cookies.get("watchkeeper_session")


def test_make_up_starts_an_empty_console(tmp_path: Path) -> None:
    folder = fresh_copy(tmp_path)
    with running(folder, ["make", "up"], environment_with_free_ports(), seconds=240) as stack:
        meta = httpx.get(f"{stack.url('api')}/v1/meta").json()

    assert meta["sample_agents"] == 0
    assert not any(_answers(stack.address(name)) for name in ADDRESSES)
    assert (folder / "watchkeeper-home").is_dir()


def _answers(address: str) -> bool:
    host, _, port = address.partition(":")
    with socket.socket() as visitor:
        return visitor.connect_ex((host, int(port))) == 0


def test_make_test_is_what_continuous_integration_runs() -> None:
    assert "make test" in _shell_commands()
    assert "make test" in (REPOSITORY / ".ci" / "run").read_text(encoding="utf-8")


def test_make_bench_prints_spans_beside_limits(demo_stack: Stack) -> None:
    ran = demo_stack.run("WATCHKEEPER_BENCH_SECONDS=1 make bench", seconds=280)

    assert ran.returncode == 0, ran.stderr
    assert "durable" in ran.stdout and "upb" in ran.stdout


RAN_ELSEWHERE = {"make demo", "make up", "make test", "make bench"}
EXPECTED: dict[str, Callable[[str], bool]] = {
    "command kill": lambda out: "kill\trogue" in out,
    "command list": lambda out: "sends data outside" in out,
    " sql ": lambda out: "rogue" in out and "deny" in out,
    " slo list": lambda out: "task-success" in out,
    " report ": lambda out: "pages" in out,
    " verify ": lambda out: out.startswith("VALID"),
    "retention show": lambda out: "governance\t183 days" in out,
    " backup ": lambda out: "up to record" in out and "without keys" in out,
    " restore ": lambda out: out.startswith("restored"),
    " export ": lambda out: re.search(r"[1-9][0-9]* rows", out) is not None,
}


@pytest.mark.parametrize(
    "command", [command for command in _shell_commands() if command not in RAN_ELSEWHERE]
)
def test_each_shell_command_works_on_the_demonstration(demo_stack: Stack, command: str) -> None:
    expected = next(check for part, check in EXPECTED.items() if part in command)

    ran = demo_stack.run(command)

    assert ran.returncode == 0, ran.stderr
    assert expected(ran.stdout), ran.stdout


def test_the_python_snippet_delivers_a_run(demo_stack: Stack, tmp_path: Path) -> None:
    (snippet,) = _blocks("python")
    program = tmp_path / "agent.py"
    program.write_text(snippet.replace("127.0.0.1:4317", demo_stack.address("otlp_grpc")))

    subprocess.run([sys.executable, program], check=True, timeout=60)

    assert _runs_of(demo_stack, "my-agent") == 1


@pytest.mark.skipif(shutil.which("npm") is None, reason="needs npm, which Python users may lack")
def test_the_javascript_snippet_delivers_a_run(demo_stack: Stack, tmp_path: Path) -> None:
    (snippet,) = _blocks("js")
    program = tmp_path / "agent.js"
    program.write_text(snippet.replace("127.0.0.1:4318", demo_stack.address("otlp_http")))
    packages = re.search(r"`npm install ([^`]+)`", README)
    assert packages is not None
    install = ["npm", "install", "--no-audit", "--no-fund", "--silent", *packages[1].split()]

    subprocess.run(install, cwd=tmp_path, check=True, timeout=240)
    subprocess.run(["node", program], cwd=tmp_path, check=True, timeout=60)

    assert _runs_of(demo_stack, "my-js-agent") == 1


def _runs_of(stack: Stack, agent: str) -> int:
    """Runs of an agent, waiting for them up to ten seconds."""
    question = {"sql": f"select count(*) as runs from runs where agent = '{agent}'", "limit": 1}
    for _ in range(50):
        answer = httpx.post(f"{stack.url('api')}/v1/sql", json=question)
        runs = int(pl.read_ipc_stream(answer.content)["runs"][0])
        if runs:
            return runs
        time.sleep(0.2)
    return 0


def test_the_table_of_settings_is_the_code() -> None:
    for setting in (HOME, *SETTINGS):
        row = f"| `{setting.flag}{' DIR' if setting is HOME else ''}` | `{setting.variable}` |"
        assert row.replace(" DIR", "") in README
        assert f"| `{setting.default}` |" in README
    for setting in (*INTAKE, HOT_DAYS, *TLS, *TOLD):
        default = f"`{setting.default}`" if setting.default else "none"
        assert f"| `{setting.flag}` | `{setting.variable}` | {default} |" in README
    assert {setting.name for setting in SETTINGS} == set(ADDRESSES)


def test_every_link_to_a_file_leads_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)

    missing = [link for link in links if "://" not in link and not (REPOSITORY / link).exists()]
    assert missing == []
