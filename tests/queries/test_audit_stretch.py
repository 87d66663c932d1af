"""Audit records are checked again stretch by stretch: all of a period, few at once."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from collector.__main__ import main
from collector.api import create_app
from collector.audit_queries import register_audit
from collector.audit_stretch import Bounds, Judged, Stretch, look
from collector.queries import Queries
from collector.reverification import BEFORE_UNSEEN, KEY_UNKNOWN, Result, entry_hash
from collector.store.reader import Reader

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
DAY = timedelta(days=1)
Rows = list[dict[str, Any]]
Given = Callable[[Mapping[str, Rows]], None]


def entry(number: int, previous: str, **more: Any) -> dict[str, Any]:
    fields = {
        "entry_id": f"audit-{number}",
        "timestamp": "2026-01-15T12:00:00+00:00",
        "event_type": "policy_evaluation",
        "agent_did": "did:mesh:clerk",
        "action": "delete",
        "data": {},
        "outcome": "deny",
        "policy_decision": "deny",
        "previous_hash": previous,
        **more,
    }
    return {**fields, "entry_hash": entry_hash(fields)}


def chain(count: int, *, told_every: timedelta = timedelta(minutes=1)) -> Rows:
    """The log records of one chain, as the bridge tells them."""
    rows: Rows = []
    previous = ""
    for number in range(1, count + 1):
        told = entry(number, previous)
        previous = told["entry_hash"]
        rows.append(record(number, told, NOON + number * told_every))
    return rows


def record(number: int, told: dict[str, Any], at: datetime, agent: str = "clerk") -> dict[str, Any]:
    attributes = {
        "gen_ai.agent.name": agent,
        "watchkeeper.audit.entry": json.dumps(told),
        "watchkeeper.audit.entry_id": told["entry_id"],
        "watchkeeper.audit.chain": "chain",
        "watchkeeper.audit.position": number,
    }
    return {
        "logged_at": at,
        "fingerprint": number,
        "event_name": "watchkeeper.audit_entry",
        "attributes": json.dumps(attributes),
    }


def changed(row: dict[str, Any], **fields: Any) -> dict[str, Any]:
    attributes = json.loads(row["attributes"])
    told = {**json.loads(attributes["watchkeeper.audit.entry"]), **fields}
    attributes["watchkeeper.audit.entry"] = json.dumps(told)
    return {**row, "attributes": json.dumps(attributes)}


def walked(reader: Reader, bounds: Bounds) -> Iterator[Stretch]:
    """All stretches of two days, the newest first, as those walk who want to see everything."""
    until = NOON + DAY
    while True:
        stretch = look(reader, NOON - DAY, until, (), KEY_UNKNOWN, bounds)
        yield stretch
        if not stretch.left:
            return
        until = stretch.looked_from


def results(judged: list[Judged]) -> dict[str, tuple[Result, str | None]]:
    return {
        one.verification.record.record_id: (one.verification.result, one.verification.reason)
        for one in judged
    }


@pytest.mark.parametrize("most", [1, 3, 7, 39, 40, 100])
def test_stretches_of_any_size_see_every_record_once_and_judge_it_alike(
    reader: Reader, given: Given, most: int
) -> None:
    rows = chain(40)
    rows[20] = changed(rows[20], outcome="allow")
    rows[30] = changed(rows[30], policy_decision="allow")
    del rows[10]
    given({"log_record": rows})

    stretches = list(walked(reader, Bounds(records=most)))

    judged = [one for stretch in stretches for one in stretch.judged]
    assert len(judged) == 39
    assert max(len(stretch.judged) for stretch in stretches) <= most
    found = results(judged)
    assert {name: told for name, told in found.items() if told != (Result.VALID, None)} == {
        "audit-12": (Result.CHAIN_BROKEN, "record 11 of its chain never came"),
        "audit-21": (Result.INVALID, "its content does not have the hash it names"),
        "audit-31": (
            Result.CONTRADICTED,
            "policy_decision says allow; outcome, which the hash covers, says deny",
        ),
    }


def test_a_stretch_says_exactly_what_it_looked_at_and_what_is_left(
    reader: Reader, given: Given
) -> None:
    given({"log_record": chain(40)})

    newest, *_, oldest = walked(reader, Bounds(records=15))

    assert (newest.looked_from, newest.looked_until) == (
        NOON + timedelta(minutes=27),
        NOON + DAY,
    )
    assert (newest.left, newest.is_whole) == (26, False)
    assert (oldest.looked_from, oldest.left, oldest.is_whole) == (NOON - DAY, 0, True)


def test_too_much_text_ends_a_stretch_before_its_number_of_records_does(
    reader: Reader, given: Given
) -> None:
    rows = chain(40)
    given({"log_record": rows})

    newest = next(walked(reader, Bounds(text=5 * len(rows[-1]["attributes"]))))

    assert 0 < len(newest.judged) <= 5
    assert newest.left == 40 - len(newest.judged)


def test_what_no_stretch_can_hold_is_counted_and_not_passed_over(
    reader: Reader, given: Given
) -> None:
    before, *crowd = chain(31, told_every=timedelta(0))
    given({"log_record": [{**before, "logged_at": NOON - timedelta(hours=1)}, *crowd]})

    crowded, rest = walked(reader, Bounds(records=10))

    assert (len(crowded.judged), crowded.skipped, crowded.left) == (10, 20, 1)
    assert not crowded.is_whole
    assert (len(rest.judged), rest.left) == (1, 0)


def test_a_chain_that_was_quiet_before_a_stretch_is_not_called_whole(
    reader: Reader, given: Given
) -> None:
    given({"log_record": chain(4, told_every=timedelta(hours=1))})

    newest = next(walked(reader, Bounds(records=3)))

    assert results(list(newest.judged)) == {
        "audit-3": (Result.VALID, BEFORE_UNSEEN),
        "audit-4": (Result.VALID, None),
    }


ASKED = {"since": "2026-01-14T12:00:00Z", "until": "2026-01-16T12:00:00Z"}


@pytest.fixture
def asked(reader: Reader, tmp_path: Path) -> Queries:
    queries = Queries(reader, now=lambda: NOON)
    register_audit(queries, tmp_path)
    return queries


def test_results_are_counted_worst_first_with_the_fields_that_no_hash_covers(
    asked: Queries, given: Given
) -> None:
    rows = chain(5)
    rows[1] = changed(rows[1], outcome="allow")
    given({"log_record": rows})

    [counted] = asked.ask("reverified", ASKED).to_pylist()

    assert counted["results"] == [
        {"kind": "hash_chain", "result": "invalid", "records": 1},
        {"kind": "hash_chain", "result": "valid", "records": 4},
    ]
    assert counted["left_out"] == [{"field": "policy_decision", "records": 5}]
    assert (counted["records"], counted["left"], counted["is_whole"]) == (5, 0, True)
    assert (counted["keys"], counted["key_error"]) == (0, None)


def test_one_agent_is_counted_alone(asked: Queries, given: Given) -> None:
    given({"log_record": [*chain(3), record(9, entry(9, ""), NOON, agent="rogue")]})

    [counted] = asked.ask("reverified", {**ASKED, "agent": "rogue"}).to_pylist()
    listed = asked.ask("reverification", {**ASKED, "agent": "rogue"}).to_pylist()

    assert counted["records"] == 1
    assert [row["record_id"] for row in listed] == ["audit-9"]


def test_a_period_without_records_was_looked_at_whole(asked: Queries) -> None:
    [counted] = asked.ask("reverified", ASKED).to_pylist()

    assert counted["results"] == []
    assert (counted["looked_from"], counted["is_whole"]) == (NOON - DAY, True)


def test_a_key_file_that_cannot_be_used_is_named(
    asked: Queries, tmp_path: Path, given: Given
) -> None:
    (tmp_path / "agt-signing-keys").write_text("text:short\n")
    given({"log_record": chain(1)})

    [counted] = asked.ask("reverified", ASKED).to_pylist()

    assert counted["keys"] == 0
    assert "line 1" in counted["key_error"]


class Nothing:
    """No objectives, no reports."""

    def __getattr__(self, name: str) -> Any:
        return dict


@pytest.fixture
def api(reader: Reader, tmp_path: Path) -> Iterator[str]:
    """The address of a query API that holds seven records at once."""
    queries = Queries(reader, now=lambda: NOON)
    register_audit(queries, tmp_path, Bounds(records=7))
    listener = socket.create_server(("127.0.0.1", 0))
    app = create_app(queries, meta=dict, objectives=Nothing(), reports=Nothing())
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    yield f"127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()


PERIOD = ["--since", "2026-01-14", "--until", "2026-01-17"]


def test_the_command_looks_at_the_whole_period_and_names_what_failed(
    api: str, given: Given, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = chain(40)
    rows[20] = changed(rows[20], outcome="allow")
    given({"log_record": rows})

    status = main(["reverify", "--api", api, *PERIOD])

    told = capsys.readouterr()
    assert status == 1
    assert told.out.splitlines() == [
        "2026-01-15T12:21:00.000000Z\tinvalid\tclerk\taudit-21\t"
        "its content does not have the hash it names",
        "looked at\t2026-01-14T00:00:00Z to 2026-01-17T00:00:00Z",
        "hash_chain\tinvalid\t1",
        "hash_chain\tvalid\t39",
        "not covered by the hash\tpolicy_decision\t40",
    ]
    assert "looked at 6 back to 2026-01-15 12:35:00 UTC, 34 left" in told.err


def test_the_command_is_content_where_nothing_failed(
    api: str, given: Given, capsys: pytest.CaptureFixture[str]
) -> None:
    given({"log_record": chain(10)})

    assert main(["reverify", "--api", api, *PERIOD]) == 0
    assert "hash_chain\tvalid\t10" in capsys.readouterr().out
    assert main(["reverify", "--api", api, *PERIOD, "--agent", "nobody"]) == 0
    assert "no audit record" in capsys.readouterr().err


def test_what_was_not_looked_at_is_no_success(
    api: str, given: Given, capsys: pytest.CaptureFixture[str]
) -> None:
    given({"log_record": chain(10, told_every=timedelta(0))})

    assert main(["reverify", "--api", api, *PERIOD]) == 1
    assert "not looked at\ttoo many of one instant\t3" in capsys.readouterr().out
