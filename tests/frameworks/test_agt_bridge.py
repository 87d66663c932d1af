"""What AGT itself answered is what the collector knows, with and without AGT's own emitters."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "corpus"))

from replaying import Request, one_by_one, replay, rows

from collector.audit_queries import KEY_FILE, register_audit
from collector.model import Signal
from collector.queries import Queries
from collector.store.connection import Store
from collector.store.reader import Reader

RECORDED = Path(__file__).parent / "recorded"
VERSIONS = ("agt_5", "agt_3_7")
VERDICTS = {
    "require_approval": "escalate",
    "log": "warn",
    "allowed": "allow",
    "blocked": "deny",
    "sanitized": "modify",
    "logged": "warn",
}


def recorded(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    return loaded


def requests_of(version: str) -> list[Request]:
    sent = recorded(version)
    return [(signal, request) for signal in Signal for request in sent[signal.value]]


@pytest.fixture(scope="module", params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def store(version: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder: Path = tmp_path_factory.mktemp(version)
    with replay(folder, [requests_of(version)]) as replayed:
        yield replayed


@pytest.fixture(scope="module")
def truths(version: str) -> dict[str, Any]:
    return recorded(f"{version}.truth")


MODES = pytest.mark.parametrize("mode", ["plain", "emitting"])
DECIDED = """
    select coalesce(agent_id, agent), coalesce(action, ''), verdict
    from decision where instance = '{}'
"""


@MODES
def test_each_verdict_of_agt_is_one_decision(
    store: Store, truths: dict[str, Any], mode: str
) -> None:
    answered = Counter(
        ("did:mesh:clerk" if agent == "did:mesh:clerk" else agent, action, VERDICTS.get(w, w))
        for agent, action, w in truths[mode]["decisions"]
    )

    found = Counter(tuple(row) for row in rows(store, DECIDED.format(f"agt-{mode}")))

    assert answered.total() == 62
    assert found == answered


def test_agt_did_tell_the_same_decisions_itself(version: str, store: Store) -> None:
    """Else the test above would show nothing."""
    told = rows(
        store,
        """
        select
            (select count(*) from span where name = 'agt.policy.evaluate'),
            (select count(*) from span where name = 'mesh.governance.policy_decision'),
            count(*) filter (l.attributes ->> '$."event.name"' = 'audit_entry')
        from log_record as l
        inner join resource as r using (resource_hash)
        where r.instance = 'agt-emitting'
        """,
    )
    lines = rows(
        store,
        "select count(*) from log_record where body::varchar like '%MCP Gateway%audit |%'",
    )
    counted = rows(
        store,
        "select max(coalesce(value, value_int)) from metric_point where name = 'mcp_decisions'",
    )

    # Thirty log lines, and the audit log of govern() as CloudEvents. A signed
    # CloudEvent for each of thirty evaluations is beyond AGT 3.7.
    entries = {"agt_5": 30 + 30 + 7, "agt_3_7": 30 + 7}[version]
    assert told == [(30, 30, entries)]
    assert counted == [(2.0,)]
    assert lines == [(3 + 6,)]


@MODES
def test_every_score_of_agt_is_a_trust_point(
    store: Store, truths: dict[str, Any], mode: str
) -> None:
    scores = rows(
        store,
        """
        select distinct coalesce(agent_id, agent), score
        from trust_point order by all
        """,
    )

    assert scores == [tuple(score) for score in truths[mode]["scores"]]


@MODES
def test_everything_that_happened_to_an_agent_is_told(
    store: Store, truths: dict[str, Any], mode: str
) -> None:
    happened = Counter(tuple(one) for one in truths[mode]["happenings"])

    found = rows(
        store,
        f"""
        select kind, name, from_value, to_value
        from governance_events where instance = 'agt-{mode}' and dialect = 'watchkeeper'
        """,
    )

    assert happened.total() == 24
    assert Counter(found) == happened


def test_a_threat_that_the_scanners_log_as_well_is_one_threat(store: Store) -> None:
    told = "select count(*) filter (told_by = 'log_line'), count(*) from {} where kind = 'threat'"

    # The detector inside of the MCP scanner logs, too.
    assert rows(store, told.format("governance_event")) == [(3, 13)]
    assert rows(store, told.format("governance_events")) == [(0, 10)]


@MODES
def test_everything_was_wired_and_nothing_was_lost(truths: dict[str, Any], mode: str) -> None:
    truth = truths[mode]

    assert truth["dropped"] == 0
    assert {"govern", "objectives", "kill switch", "rings", "scanners"} <= set(truth["wired"])
    # Both are of AGT 5.
    assert all("_check_ring" in why or "check_command" in why for why in truth["skipped"])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_any_order_of_arrival_finds_the_same_decisions(seed: int, tmp_path: Path) -> None:
    random = Random(seed)
    singles = [one for request in requests_of("agt_5") for one in one_by_one(request)]
    singles += random.choices(singles, k=20)
    random.shuffle(singles)
    batches = [singles[n : n + 40] for n in range(0, len(singles), 40)]
    answered = recorded("agt_5.truth")

    with replay(tmp_path, batches) as shuffled:
        for mode in ("plain", "emitting"):
            found = rows(shuffled, DECIDED.format(f"agt-{mode}"))
            assert len(found) == len(answered[mode]["decisions"])


@pytest.fixture(scope="module")
def verified(store: Store, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the collector says of each record, with the toolkit's key and without."""
    answers: dict[str, Any] = {}
    for name, key in (("known", SIGNING_KEY), ("unknown", None), ("malformed", "short")):
        home: Path = tmp_path_factory.mktemp(name)
        if key is not None:
            (home / KEY_FILE).write_text(f"text:{key}\n", encoding="utf-8")
        queries = Queries(Reader(store), lambda: datetime.now(UTC), dict)
        register_audit(queries, home)
        asked = {
            "since": "2020-01-01T00:00:00Z",
            "until": "2100-01-01T00:00:00Z",
            "limit": "10000",
        }
        answers[name] = queries.ask("reverification", asked).to_pylist()
    return answers


SIGNING_KEY = "a shared secret of at least 32 bytes"


def _worst(rows: list[dict[str, Any]], record: str) -> str:
    return next(row["result"] for row in rows if row["record_id"] == record)


def test_a_changed_record_is_caught_also_where_agt_accepts_it(
    verified: dict[str, Any], truths: dict[str, Any]
) -> None:
    tampered = truths["tampered"]["tampered"]

    found = {one["record"]: _worst(verified["known"], one["record"]) for one in tampered}

    assert found == {one["record"]: one["expected"] for one in tampered}
    # The flipped decision and the log that was lied to pass AGT's own verify_integrity().
    accepted = [one["expected"] for one in tampered if one["agt_accepts"]]
    assert accepted == ["contradicted", "contradicted"]


def test_no_record_that_was_left_alone_is_accused(
    verified: dict[str, Any], truths: dict[str, Any]
) -> None:
    tampered = {one["record"] for one in truths["tampered"]["tampered"]}

    rest = [row for row in verified["known"] if row["record_id"] not in tampered]

    records = sum(truths[mode]["records"] for mode in ("plain", "emitting"))
    assert {row["result"] for row in rest} == {"valid"}
    assert sum(row["told_by"] == "bridge" for row in rest) == records


def test_a_signature_is_not_checkable_without_the_key(
    version: str, verified: dict[str, Any], truths: dict[str, Any]
) -> None:
    changed = {one["record"] for one in truths["tampered"]["tampered"]}

    results = {
        row["result"]
        for row in verified["unknown"]
        if row["kind"] == "hmac" and row["record_id"] not in changed
    }

    # AGT 3.7 signs nothing.
    assert results == ({"not_checkable"} if version == "agt_5" else set())


def test_a_key_file_that_cannot_be_used_accuses_no_record_and_says_what_to_do(
    version: str, verified: dict[str, Any]
) -> None:
    reasons = {row["reason"] for row in verified["malformed"] if row["result"] == "not_checkable"}

    assert {row["result"] for row in verified["malformed"]} == {
        row["result"] for row in verified["unknown"]
    }
    assert len(reasons) == (version == "agt_5")
    assert all("a key of at least 32 bytes, got 5; write the key" in why for why in reasons)


def test_what_the_hash_leaves_out_is_named(verified: dict[str, Any]) -> None:
    named = {name for row in verified["known"] for name in row["left_out"]}

    assert "policy_decision" in named
