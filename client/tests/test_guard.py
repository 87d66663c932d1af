"""A guard under a real (small) control server: it obeys, acknowledges, remembers, tells."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from watchkeeper_agent import Guard, Refused, StateError, attach
from watchkeeper_agent.document import OnLoss, verify
from watchkeeper_agent.numbering import next_number
from watchkeeper_agent.state import StateDirectory, default_directory, parse_keys

NOBODY = "http://127.0.0.1:9"


def test_an_agent_that_was_never_restricted_is_free(attached: Any) -> None:
    guard = attached(control=NOBODY)

    assert guard.check_tool("transfer").name == "transfer"
    assert guard.effective_mode == "normal"


def test_a_kill_reaches_the_agent_and_a_release_frees_it(
    control: Any, attached: Any, words: dict[str, Any]
) -> None:
    guard = attached()
    assert guard.wait_until_heard(5)

    control.want(words["hold"]("kill"))
    assert words["eventually"](lambda: guard.effective_mode == "kill")
    with pytest.raises(Refused, match=r"transfer refused by kill"):
        guard.check_tool("transfer")
    with pytest.raises(Refused):
        guard.check_model("big")

    control.want()
    assert words["eventually"](lambda: guard.effective_mode == "normal")
    assert guard.check_tool("transfer").name == "transfer"


def test_the_agent_says_who_it_is_and_what_it_did(
    control: Any, attached: Any, words: dict[str, Any]
) -> None:
    guard = attached(framework="langchain", attributes={"watchkeeper.sample": True})
    guard.hooked("pre_tool_call")
    control.want(words["hold"]("degrade"), words["hold"]("throttle"))

    assert words["eventually"](lambda: bool(control.acks))
    ack = control.acks[0]
    first = control.said[0].agent_description
    named = {a.key: a.value.string_value for a in first.identifying_attributes}

    assert ack["status"] == "partial" and ack["reject"] is None
    assert ack["holds"] == {"hold-degrade": "enforcing", "hold-throttle": "unsupported"}
    assert (ack["epoch"], ack["gen"], ack["effective_mode"]) == (1, 1, "pause")
    assert named["service.instance.id"] == guard.instance_uid
    assert named["gen_ai.agent.name"] == "clerk"
    assert len(control.secrets) == 1
    assert words["eventually"](lambda: _hooks(control.said) == "pre_tool_call")


def _hooks(said: list[Any]) -> str | None:
    for message in reversed(said):
        for pair in message.agent_description.non_identifying_attributes:
            if pair.key == "watchkeeper.hooks" and pair.value.string_value:
                return str(pair.value.string_value)
    return None


def test_a_forged_document_is_refused_and_reported(
    control: Any, attached: Any, words: dict[str, Any]
) -> None:
    guard = attached()
    control.want(words["hold"]("kill"))
    assert words["eventually"](lambda: guard.effective_mode == "kill")

    forged = words["Signer"]().sign(words["claims"](now=time.time(), gen=99))
    control.offer(forged)

    assert words["eventually"](lambda: any(a["reject"] == "signature" for a in control.acks))
    assert guard.effective_mode == "kill"


def test_the_first_key_seen_is_the_only_one_believed_after_a_restart(
    control: Any, attached: Any, words: dict[str, Any]
) -> None:
    first = attached()
    assert first.wait_until_heard(5)
    first.close()
    control.signer = words["Signer"]()

    second = attached()
    control.want(words["hold"]("kill"))

    assert words["eventually"](lambda: bool(control.acks))
    assert control.acks[-1]["reject"] == "signature"
    assert second.effective_mode == "normal"


def test_a_hold_ends_by_the_clock_without_any_message(
    control: Any, attached: Any, words: dict[str, Any]
) -> None:
    guard = attached()
    control.want(words["hold"]("kill", expires_at=time.time() + 0.6))

    assert words["eventually"](lambda: guard.effective_mode == "kill")
    assert words["eventually"](lambda: guard.effective_mode == "normal")


def test_a_refusal_is_told_in_the_span_it_happened_in(
    control: Any, attached: Any, words: dict[str, Any], told: Callable[[], list[Any]]
) -> None:
    guard = attached()
    control.want(words["hold"]("kill"))
    assert words["eventually"](lambda: guard.effective_mode == "kill")

    run = TracerProvider().get_tracer("test").start_as_current_span("run")
    with run as span, pytest.raises(Refused) as refused:
        guard.check_tool("transfer", {"account": "secret-1"}, conversation="c-1")

    (event,) = told()
    assert event.event_name == "watchkeeper.decision"
    assert event.trace_id == span.get_span_context().trace_id
    assert event.severity_number.value == 17
    expected = {
        "watchkeeper.decision.id": refused.value.decision_id,
        "watchkeeper.decision.verdict": "deny",
        "watchkeeper.decision.effect": "blocked",
        "watchkeeper.decision.stage": "pre_tool_call",
        "watchkeeper.decision.mode": "enforce",
        "watchkeeper.decision.source": "control_plane",
        "watchkeeper.decision.reason_code": "hold.kill",
        "watchkeeper.hold_id": "hold-kill",
        "watchkeeper.command_id": "command-kill",
        "watchkeeper.state_epoch": 1,
        "watchkeeper.state_gen": 1,
        "watchkeeper.instance_uid": guard.instance_uid,
        "gen_ai.agent.name": "clerk",
        "gen_ai.tool.name": "transfer",
        "gen_ai.conversation.id": "c-1",
    }
    assert expected.items() <= dict(event.attributes).items()
    assert "secret-1" not in str(event.attributes)


def test_a_rehearsed_hold_refuses_nothing_but_tells_what_it_would(
    control: Any, attached: Any, words: dict[str, Any], told: Callable[[], list[Any]]
) -> None:
    guard = attached()
    control.want(words["hold"]("kill", mode="dry_run"))
    assert words["eventually"](lambda: guard.position == (1, 1))

    guard.check_tool("transfer")

    (event,) = told()
    assert event.attributes["watchkeeper.decision.effect"] == "simulated"
    assert event.attributes["watchkeeper.decision.mode"] == "dry_run"


def test_an_error_in_the_gate_refuses_the_call(
    attached: Any, monkeypatch: pytest.MonkeyPatch, told: Callable[[], list[Any]]
) -> None:
    guard = attached(control=NOBODY)
    monkeypatch.setattr("watchkeeper_agent.guard.rule", lambda *_: 1 / 0)

    with pytest.raises(Refused, match="gate_failed"):
        guard.check_tool("transfer")

    assert told()[0].attributes["watchkeeper.decision.source"] == "fail_closed"


def test_a_full_disk_does_not_stop_a_kill(
    control: Any, attached: Any, words: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = attached()
    assert guard.wait_until_heard(5)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(StateDirectory, "remember", full)
    control.want(words["hold"]("kill"))

    assert words["eventually"](lambda: guard.effective_mode == "kill")
    assert words["eventually"](lambda: bool(control.acks))
    assert control.acks[-1]["status"] == "partial"


class Clocks:
    wall = 1_768_478_400.0
    steady = 0.0


@pytest.mark.parametrize(
    ("on_loss", "lease", "mode"),
    [
        (None, {}, "degrade"),
        (None, {"on_loss": "continue"}, "normal"),
        (None, {"on_loss": "kill"}, "kill"),
        ("continue", {"on_loss": "kill"}, "normal"),
    ],
)
def test_an_unheard_agent_does_what_its_lease_says(
    tmp_path: Path, words: dict[str, Any], on_loss: str | None, lease: dict[str, str], mode: str
) -> None:
    guard = _offline(tmp_path, words, on_loss, {"ttl_s": 20, "grace_s": 10, **lease})

    Clocks.steady = 30.0
    assert guard.effective_mode == "normal"
    Clocks.steady = 30.1
    assert guard.effective_mode == mode
    assert guard.check_tool("get_balance").name if mode != "kill" else True
    if mode == "degrade":
        with pytest.raises(Refused, match="lease_lapsed"):
            guard.check_tool("transfer")


def _offline(
    tmp_path: Path, words: dict[str, Any], on_loss: str | None, lease: dict[str, Any]
) -> Guard:
    """A guard with an accepted document, without a line and with clocks of our own."""
    signer = words["Signer"]()
    state = StateDirectory(tmp_path / "state")
    state.pin([signer.public])
    _remember(state, signer.sign(words["claims"](now=Clocks.wall, lease=lease)))
    return _started(state, on_loss)


def _remember(state: StateDirectory, body: bytes) -> None:
    state.remember(verify(body, state.pinned_keys()))


def _started(
    state: StateDirectory, on_loss: str | None = "continue", behind_s: float = 0.0
) -> Guard:
    Clocks.steady = 0.0
    return Guard(
        "clerk",
        state,
        service="clerk",
        framework=None,
        read_only_tools=("get_balance",),
        on_loss=OnLoss(on_loss) if on_loss else None,
        keys=state.pinned_keys(),
        attributes={},
        emit_allow=False,
        clock=lambda: Clocks.wall - behind_s,
        monotonic=lambda: Clocks.steady,
    )


# Clocks that are wrong, and clocks that jump


@pytest.mark.parametrize("behind_s", [0.0, 200.0, 86_400.0])
def test_a_hold_that_has_begun_is_in_force_although_the_agents_clock_is_behind(
    tmp_path: Path, words: dict[str, Any], behind_s: float
) -> None:
    held = words["hold"]("kill", not_before=Clocks.wall + 0.4, expires_at=Clocks.wall + 600)
    guard = _holding(tmp_path, words, held, behind_s)

    with pytest.raises(Refused, match=r"hold\.kill"):
        guard.check_tool("transfer")


def test_a_hold_begins_later_only_when_it_says_so(tmp_path: Path, words: dict[str, Any]) -> None:
    guard = _holding(tmp_path, words, words["hold"]("kill", not_before=Clocks.wall + 60))

    assert guard.effective_mode == "normal"
    Clocks.steady = 61.0
    assert guard.effective_mode == "kill"


def _holding(
    tmp_path: Path, words: dict[str, Any], held: dict[str, Any], behind_s: float = 0.0
) -> Guard:
    signer = words["Signer"]()
    state = StateDirectory(tmp_path / "state")
    state.pin([signer.public])
    _remember(state, signer.sign(words["claims"](held, now=Clocks.wall)))
    return _started(state, behind_s=behind_s)


@pytest.mark.parametrize("jump_s", [-3600.0, 3600.0])
def test_a_wall_clock_that_jumps_frees_nobody(
    control: Any,
    attached: Any,
    words: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    jump_s: float,
) -> None:
    guard = attached()
    now = time.time()
    control.want(words["hold"]("kill", not_before=now, expires_at=now + 600))
    assert words["eventually"](lambda: guard.effective_mode == "kill")

    monkeypatch.setattr(guard, "_clock", lambda: now + jump_s)

    with pytest.raises(Refused):
        guard.check_tool("transfer")


@pytest.mark.parametrize("wrong", ["clock", "key"])
def test_an_agent_that_cannot_believe_control_lets_its_lease_lapse(
    control: Any,
    attached: Any,
    words: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    wrong: str,
) -> None:
    """Or else it would look connected, and nobody could stop it."""
    guard = attached()
    lease = {"ttl_s": 0.3, "grace_s": 0.3, "on_loss": "degrade"}
    control.offer(control.signer.sign(words["claims"](now=time.time(), lease=lease)))
    assert words["eventually"](lambda: guard.position == (1, 1))

    if wrong == "key":
        control.signer = words["Signer"]()
    else:
        monkeypatch.setattr(guard, "_clock", lambda: time.time() - 3600)
    control.offer(control.signer.sign(words["claims"](now=time.time(), gen=2)))

    assert words["eventually"](lambda: guard.effective_mode == "degrade")


# What was lost


def test_an_agent_whose_document_was_deleted_refuses_until_control_is_heard(
    control: Any, attached: Any, words: dict[str, Any], tmp_path: Path
) -> None:
    first = attached()
    control.want(words["hold"]("kill"))
    assert words["eventually"](lambda: first.effective_mode == "kill")
    first.close()
    (tmp_path / "state/slots/0/accepted.jws").unlink()

    again = attached(control=NOBODY)

    with pytest.raises(Refused, match="state_damaged"):
        again.check_tool("transfer")


def test_a_killed_instance_starts_killed_although_its_twin_has_a_newer_document(
    tmp_path: Path, words: dict[str, Any]
) -> None:
    signer = words["Signer"]()
    killed, twin = (StateDirectory(tmp_path / "state") for _ in range(2))
    killed.pin([signer.public])
    alone = {"agent_name": "clerk", "instance": str(killed.instance_uid)}
    held = words["hold"]("kill", scope=alone)
    _remember(killed, signer.sign(words["claims"](held, now=Clocks.wall)))
    _remember(twin, signer.sign(words["claims"](now=Clocks.wall + 60)))
    killed.close()

    again = _started(StateDirectory(tmp_path / "state"))

    assert again.instance_uid == str(killed.instance_uid)
    assert again.effective_mode == "kill"


@pytest.mark.parametrize("name", ["instance_uid", "secret"])
def test_an_identity_that_cannot_be_kept_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "slots/0" / name).mkdir(parents=True)

    with pytest.raises(StateError, match="WATCHKEEPER_AGENT_STATE"):
        StateDirectory(tmp_path)


@pytest.mark.parametrize(
    "name", ["..", ".", "", "a/../b", "x" * 300, "\u202egnp", "a\0b", "\ud800"]
)
def test_whatever_an_agent_is_called_it_has_a_directory_of_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    monkeypatch.setenv("WATCHKEEPER_AGENT_STATE", str(tmp_path))

    directory = default_directory(name)

    assert directory.parent == tmp_path and directory.resolve() == directory
    assert directory != default_directory(name.replace("/", "_") + "_")
    directory.mkdir()


# Threads and forks


def test_fifty_threads_are_all_refused_at_once(
    control: Any, attached: Any, words: dict[str, Any]
) -> None:
    guard = attached()
    control.want(words["hold"]("kill"))
    assert words["eventually"](lambda: guard.effective_mode == "kill")

    def refused(number: int) -> bool:
        with pytest.raises(Refused):
            guard.check_tool(f"tool-{number}")
        return True

    with ThreadPoolExecutor(50) as threads:
        assert all(threads.map(refused, range(500)))


FORKING = """
import multiprocessing, sys, time
from watchkeeper_agent import attach, Refused

guard = attach("clerk", control=sys.argv[1], state_dir=sys.argv[2])
guard.wait_until_heard(5)

def work(born):
    guard.check_tool("transfer")
    born.put(guard.instance_uid)
    while True:
        try:
            guard.check_tool("transfer")
        except Refused as refused:
            born.put(refused.hold_id)
            return
        time.sleep(0.01)

context = multiprocessing.get_context("fork")
born = context.Queue()
child = context.Process(target=work, args=(born,))
child.start()
print(guard.instance_uid, born.get(timeout=10), flush=True)
print(born.get(timeout=10), flush=True)
"""


def test_a_forked_child_is_an_instance_of_its_own_and_obeys(
    control: Any, tmp_path: Path, words: dict[str, Any]
) -> None:
    control.want()
    parent = subprocess.Popen(
        [sys.executable, "-c", FORKING, control.url, str(tmp_path / "state")],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OTEL_SDK_DISABLED": "true"},
    )
    assert parent.stdout
    with parent, parent.stdout:
        parent_uid, child_uid = parent.stdout.readline().split()
        control.want(words["hold"]("kill"))
        refused_by = parent.stdout.readline().strip()

    assert parent_uid != child_uid
    assert refused_by == "hold-kill"


def test_a_question_costs_less_than_fifty_microseconds(
    control: Any, attached: Any, words: dict[str, Any]
) -> None:
    guard = attached(read_only_tools=("get_balance",))
    control.want(*(words["hold"]("degrade", hold_id=f"hold-{n}") for n in range(3)))
    assert words["eventually"](lambda: guard.effective_mode == "degrade")

    def cost_s() -> float:
        started = time.perf_counter()
        for _ in range(1000):
            guard.check_tool("get_balance")
        return (time.perf_counter() - started) / 1000

    # The best of several: the rest measures what else the machine does.
    assert min(cost_s() for _ in range(7)) < 50e-6


def test_a_damaged_memory_refuses_everything(
    control: Any, attached: Any, words: dict[str, Any], tmp_path: Path
) -> None:
    attached_once = attached()
    control.want()
    assert words["eventually"](lambda: attached_once.position is not None)
    attached_once.close()
    kept = tmp_path / "state/slots/0/accepted.jws"
    kept.write_bytes(kept.read_bytes()[:-20])

    again = attached(control=NOBODY)

    with pytest.raises(Refused, match="state_damaged"):
        again.check_tool("transfer")


def test_two_processes_of_one_agent_are_two_instances_with_one_memory(
    control: Any, attached: Any, words: dict[str, Any]
) -> None:
    first = attached()
    control.want(words["hold"]("kill"))
    assert words["eventually"](lambda: first.effective_mode == "kill")

    second = attached(control=NOBODY)

    assert second.instance_uid != first.instance_uid
    assert second.effective_mode == "kill" and second.position is None


CHILD = """
import sys
from watchkeeper_agent import attach, Refused
guard = attach("clerk", control=sys.argv[1], state_dir=sys.argv[2])
if sys.argv[3] == "wait":
    import time
    while guard.effective_mode != "kill":
        time.sleep(0.01)
    print(guard.instance_uid, flush=True)
    time.sleep(60)
try:
    guard.check_tool("transfer")
    print("free")
except Refused as refused:
    print(guard.instance_uid, refused.hold_id)
"""


def test_a_killed_agent_that_is_restarted_without_control_starts_killed(
    control: Any, tmp_path: Path, words: dict[str, Any]
) -> None:
    control.want(words["hold"]("kill"))
    first = _child(control.url, tmp_path, "wait")
    assert first.stdout
    instance = first.stdout.readline().strip()
    first.kill()
    first.wait()
    first.stdout.close()

    second = _child(NOBODY, tmp_path, "ask")
    said, _ = second.communicate(timeout=20)

    assert said.split() == [instance, "hold-kill"]


def _child(control: str, tmp_path: Path, what: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, control, str(tmp_path / "state"), what],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "OTEL_SDK_DISABLED": "true"},
    )


def test_the_secret_is_for_this_user_only(attached: Any, tmp_path: Path) -> None:
    attached(control=NOBODY)

    mode = (tmp_path / "state/slots/0/secret").stat().st_mode

    assert mode & 0o777 == 0o600


def test_a_given_key_is_used_without_asking(
    control: Any, attached: Any, words: dict[str, Any], tmp_path: Path
) -> None:
    guard = attached(key=control.signer.jwk["x"])
    control.want(words["hold"]("kill"))

    assert words["eventually"](lambda: guard.effective_mode == "kill")
    assert not (tmp_path / "state/keys.json").exists()


def test_nonsense_is_refused_with_advice(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="GET /v1/keys"):
        parse_keys("not a key")
    with pytest.raises(StateError, match="WATCHKEEPER_CONTROL"):
        attach("clerk", control="127.0.0.1:4320", state_dir=tmp_path)


def test_an_unreachable_control_costs_a_hook_nothing(attached: Any) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        guard = attached(control=f"http://127.0.0.1:{deaf.getsockname()[1]}")

        started = time.perf_counter()
        for _ in range(100):
            guard.check_tool("transfer")

        assert time.perf_counter() - started < 0.5


def test_a_decorated_tool_asks_first(control: Any, attached: Any, words: dict[str, Any]) -> None:
    guard: Guard = attached()
    moved: list[int] = []

    @guard.tool
    def transfer(amount: int) -> None:
        moved.append(amount)

    transfer(1)
    control.want(words["hold"]("kill"))
    assert words["eventually"](lambda: guard.effective_mode == "kill")
    with pytest.raises(Refused):
        transfer(2)

    assert moved == [1]


async def test_a_decorated_coroutine_asks_first(attached: Any) -> None:
    guard: Guard = attached(control=NOBODY)
    guard.restrict("kill", "test")

    @guard.tool
    async def transfer() -> None:
        raise AssertionError("must not run")

    with pytest.raises(Refused):
        await transfer()


def test_the_events_of_a_process_are_numbered_without_a_gap(
    attached: Any, told: Callable[[], list[Any]]
) -> None:
    guard = attached(control=NOBODY, emit_allow=True)
    for _ in range(3):
        guard.check_tool("transfer")

    numbers = [event.attributes["watchkeeper.sequence.number"] for event in told()]
    streams = {event.attributes["watchkeeper.sequence.stream"] for event in told()}

    assert numbers == [numbers[0], numbers[0] + 1, numbers[0] + 2]
    assert len(streams) == 1


def test_a_forked_child_numbers_its_own_stream_from_one() -> None:
    mine = next_number()["watchkeeper.sequence.stream"]
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        told = next_number()
        is_new = told["watchkeeper.sequence.stream"] != mine
        os.write(writing, repr((told["watchkeeper.sequence.number"], is_new)).encode())
        os._exit(0)
    os.waitpid(child, 0)

    assert os.read(reading, 100) == b"(1, True)"
