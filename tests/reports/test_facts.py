"""What a report asks of a collector, and what it says when that goes wrong."""

from __future__ import annotations

import socket
import threading
from datetime import timedelta

import pytest
from report_cast import NOON

from reports import facts
from reports.errors import NoAnswer
from reports.facts import Period


def test_a_period_without_length_is_refused() -> None:
    with pytest.raises(ValueError, match="ends after it begins"):
        Period(NOON, NOON)


def test_a_period_that_has_not_begun_is_refused() -> None:
    later = Period(NOON + timedelta(days=1), NOON + timedelta(days=2))

    with pytest.raises(ValueError, match="has not begun"):
        _gather("http://127.0.0.1:9", later)


def test_a_collector_that_is_away_is_named_with_what_to_do() -> None:
    with pytest.raises(NoAnswer, match=r"127\.0\.0\.1:9: start it"):
        _gather("http://127.0.0.1:9", Period(NOON - timedelta(days=1), NOON))


def test_a_collector_that_leaves_in_the_middle_is_named_too() -> None:
    """It takes the question and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as leaving:
        leaving.settimeout(5)
        address = f"http://127.0.0.1:{leaving.getsockname()[1]}"
        thread = threading.Thread(target=lambda: leaving.accept()[0].close())
        thread.start()
        with pytest.raises(NoAnswer, match="does not answer"):
            _gather(address, Period(NOON - timedelta(days=1), NOON))
        thread.join()


def test_an_answer_that_is_cut_short_is_no_report() -> None:
    whole = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n\xff\xff\xff\xff"
    with socket.create_server(("127.0.0.1", 0)) as mumbling:
        address = f"http://127.0.0.1:{mumbling.getsockname()[1]}"

        def mumble() -> None:
            connection, _ = mumbling.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(whole)

        thread = threading.Thread(target=mumble)
        thread.start()
        with pytest.raises(NoAnswer, match="not a table"):
            _gather(address, Period(NOON - timedelta(days=1), NOON))
        thread.join()


def _gather(address: str, period: Period) -> None:
    facts.gather(address, period, "eu-ai-act", NOON, "0.1.0", lambda *_: None)
