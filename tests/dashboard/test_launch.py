"""The dashboard as a process: one ready line, strict headers, a clean end."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fake_api import lively_fleet, serving

import dashboard

ROOT = Path(dashboard.__file__).parents[1]


@pytest.fixture(scope="module")
def running() -> Iterator[str]:
    with serving(lively_fleet()) as apis:
        command = [sys.executable, "-m", "dashboard", "--ui", "127.0.0.1:0"]
        command += ["--api", apis.api, "--control", apis.control]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            ready = process.stdout.readline().strip()
            yield "http://" + ready.removeprefix("ready ui=")
            process.terminate()
            assert process.wait(10) == 0


def test_every_answer_carries_strict_headers(running: str) -> None:
    answer = httpx.get(running)

    assert "unsafe-eval" not in answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/_stcore/metrics", "/_stcore/agent/openapi.json"])
def test_what_visitors_need_not_reach_is_closed(running: str, path: str) -> None:
    assert httpx.get(running + path).status_code == 404


def test_a_form_from_another_site_signs_nobody_in(running: str) -> None:
    answer = httpx.post(
        f"{running}/signin",
        data={"user": "admin", "password": "correct"},
        headers={"origin": "https://elsewhere.example"},
    )

    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_a_sign_in_link_sets_a_cookie_scripts_cannot_read(running: str) -> None:
    answer = httpx.get(f"{running}/signin?code=code-admin")

    cookie = answer.headers["set-cookie"].lower()
    assert answer.status_code == 303
    assert "httponly" in cookie and "samesite=strict" in cookie


def test_a_report_is_not_given_to_strangers(running: str) -> None:
    assert httpx.get(f"{running}/reports/rep-0.pdf").status_code == 401


def test_a_wrong_address_ends_with_one_clear_sentence() -> None:
    command = [sys.executable, "-m", "dashboard", "--ui", "nowhere"]

    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)

    assert ended.returncode == 2
    assert "expected HOST:PORT" in ended.stderr
