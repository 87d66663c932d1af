"""What instances may say over OpAMP, and what control makes of hostile ones."""

from __future__ import annotations

import asyncio
import gzip
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry._opamp.proto import opamp_pb2 as opamp

from collector.control import opamp as protocol
from collector.control.refusal import Refusal
from tests.control.conftest import Bench


async def test_the_first_answer_is_a_document_without_holds(bench: Bench) -> None:
    agent = bench.agent()

    answer = await agent.hello()

    file = answer.remote_config.config.config_map["watchkeeper"]
    assert answer.instance_uid == agent.uid.bytes
    assert file.content_type == "application/jose"
    assert bench.claims(agent)["aud"] == f"fleet/default/{agent.uid}"
    assert bench.claims(agent)["holds"] == []


async def test_an_unknown_instance_is_asked_for_its_full_state(bench: Bench) -> None:
    agent = bench.agent()

    answer = await agent.poll()

    assert answer.flags == opamp.ServerToAgentFlags_ReportFullState
    assert not answer.HasField("remote_config")
    assert (await bench.get("/v1/instances"))["instances"] == []


async def test_a_missed_message_is_noticed_and_does_not_delay_a_hold(bench: Bench) -> None:
    agent = bench.agent()
    await agent.hello()
    await agent.apply()
    await bench.command()
    agent.sequence += 3

    answer = await agent.poll()

    assert answer.flags == opamp.ServerToAgentFlags_ReportFullState
    assert len(bench.claims(agent)["holds"]) == 1


async def test_an_answered_document_is_not_sent_again(bench: Bench) -> None:
    agent = bench.agent()
    await agent.hello()

    applied = await agent.apply()
    later = await agent.poll()

    assert not applied.HasField("remote_config") and not later.HasField("remote_config")


async def test_a_document_whose_answer_was_lost_is_sent_again(bench: Bench) -> None:
    agent = bench.agent()
    await agent.hello()

    at_once = await agent.poll()
    bench.clock.move(seconds=1)
    later = await agent.poll()

    assert not at_once.HasField("remote_config") and later.HasField("remote_config")


async def test_an_agent_that_starts_anew_gets_its_document_again(bench: Bench) -> None:
    agent = bench.agent()
    await agent.hello()
    await agent.apply()

    answer = await agent.hello()

    assert answer.HasField("remote_config")


async def test_a_document_is_young_when_it_is_handed_out(bench: Bench) -> None:
    agent = bench.agent()
    await agent.hello()
    first = bench.claims(agent)
    bench.clock.move(minutes=6)

    await agent.poll()

    second = bench.claims(agent)
    assert second["gen"] == first["gen"] + 1
    assert second["iat"] == int(bench.clock().timestamp())


async def test_an_expired_hold_leaves_the_document(bench: Bench) -> None:
    agent = bench.agent()
    await agent.hello()
    await bench.command(expires_in_s=60)
    await agent.poll()
    await agent.apply(mode="kill")
    bench.clock.move(seconds=61)

    await agent.poll()

    assert bench.claims(agent)["holds"] == []


async def test_what_an_agent_could_not_apply_is_not_acknowledged(bench: Bench) -> None:
    agent = bench.agent()
    await agent.hello()
    command = await bench.command()
    await agent.poll()

    await agent.apply(error="no hooks installed")

    shown = await bench.get(f"/v1/commands/{command['command_id']}")
    assert shown["state"] == "delivered"
    assert shown["instances"][0]["ack_status"] == "failed: no hooks installed"
    assert shown["instances"][0]["acked_at"] is None
    assert bench.told()[-1]["watchkeeper.command.phase"] == "failed"


async def test_an_acknowledgement_of_something_else_changes_nothing(bench: Bench) -> None:
    agent = bench.agent()
    await agent.hello()
    command = await bench.command()
    await agent.poll()
    agent.config_hash = b"\0" * 32

    await agent.apply()

    shown = await bench.get(f"/v1/commands/{command['command_id']}")
    assert shown["state"] == "delivered"


async def test_the_first_secret_of_an_instance_is_the_only_one(bench: Bench) -> None:
    agent = bench.agent()
    await agent.hello()
    thief = bench.agent(uid=agent.uid, secret="a secret of another making")

    answer = await thief.post(thief.message(describe=True).SerializeToString())

    assert answer.status_code == 401
    assert opamp.ServerToAgent.FromString(answer.content).HasField("error_response")


@pytest.mark.parametrize("secret", ["", "short", "x" * 513])
async def test_a_secret_must_be_one(bench: Bench, secret: str) -> None:
    agent = bench.agent(secret=secret)

    answer = await agent.post(agent.message(describe=True).SerializeToString())

    assert answer.status_code == 401


async def test_an_instance_reads_and_answers_only_its_own_state(bench: Bench) -> None:
    rogue, thief = bench.agent("rogue"), bench.agent("clerk")
    await rogue.hello()
    await thief.hello()
    command = await bench.command()
    await rogue.poll()
    thief.config_hash, thief.body = rogue.config_hash, rogue.body

    await thief.apply(mode="normal")

    shown = await bench.get(f"/v1/commands/{command['command_id']}")
    assert shown["state"] == "delivered"
    assert shown["instances"][0]["effective_mode"] is None


async def test_a_killed_agent_cannot_escape_by_another_name(bench: Bench) -> None:
    agent = bench.agent("rogue")
    await agent.hello()
    await bench.command()
    agent.name = "gateway"

    answer = await agent.post(agent.message(describe=True).SerializeToString())
    await agent.poll()

    assert answer.status_code == 400
    assert len(bench.claims(agent)["holds"]) == 1


async def test_an_instance_that_says_goodbye_is_not_connected(bench: Bench) -> None:
    agent = bench.agent()
    await agent.hello()

    await agent.send(agent.message(agent_disconnect=opamp.AgentDisconnect()))

    [shown] = (await bench.get("/v1/instances"))["instances"]
    assert not shown["connected"]


async def test_gzip_is_understood(bench: Bench) -> None:
    agent = bench.agent()

    answer = await agent.send(agent.message(describe=True), zipped=True)

    assert answer.HasField("remote_config")


async def test_more_instances_than_the_limit_are_told_to_come_back(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "MOST_INSTANCES", 1)
    known, late = bench.agent(), bench.agent()
    await known.hello()

    answer = await late.post(late.message(describe=True).SerializeToString())

    error = opamp.ServerToAgent.FromString(answer.content).error_response
    assert answer.status_code == 503
    assert error.retry_info.retry_after_nanoseconds > 0
    assert (await known.poll()).instance_uid == known.uid.bytes


BOMB = gzip.compress(bytes(1 << 26), mtime=0)


@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [
        (b"", "", 400),
        (b"\xff\xff\xff", "", 400),
        (b"not gzip", "gzip", 400),
        (gzip.compress(b"x" * 100, mtime=0)[:-9], "gzip", 400),
        (b"", "br", 415),
        (BOMB, "gzip", 413),
        (bytes((1 << 20) + 1), "", 413),
    ],
)
async def test_malformed_and_oversized_bodies_are_refused(
    bench: Bench, body: bytes, encoding: str, status: int
) -> None:
    headers = {"content-encoding": encoding, "authorization": "Bearer " + "x" * 20}

    answer = await bench.client.post("/v1/opamp", content=body, headers=headers)

    assert answer.status_code == status


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff", b"[" * 100_000])
async def test_an_unreadable_ack_is_refused(bench: Bench, data: bytes) -> None:
    agent = bench.agent()
    await agent.hello()
    custom = opamp.CustomMessage(capability=protocol.CAPABILITY, type="ack", data=data)

    answer = await agent.post(agent.message(custom_message=custom).SerializeToString())

    assert answer.status_code == 400


def _attributes(pairs: list[tuple[str, str]]) -> Any:
    description = opamp.AgentDescription()
    for name, value in pairs:
        description.identifying_attributes.add(key=name).value.string_value = value
    return description


known_names = st.sampled_from(
    ["gen_ai.agent.name", "service.name", "watchkeeper.hooks", "process.pid"]
)


@given(st.lists(st.tuples(known_names, st.text(max_size=300)), max_size=200))
def test_any_description_is_understood_or_refused(pairs: list[tuple[str, str]]) -> None:
    message = opamp.AgentToServer(agent_description=_attributes(pairs))

    try:
        said = protocol.described(message)
    except Refusal as refusal:
        assert refusal.status == 400
    else:
        assert len(said.agent or "") <= 256


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_refused(body: bytes) -> None:
    try:
        message = protocol.parsed(body)
    except Refusal as refusal:
        assert refusal.status == 400
    else:
        assert len(message.instance_uid) == 16


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)


@given(
    st.dictionaries(st.sampled_from(["effective_mode", "hooks", "holds", "status"]), json_values)
)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_any_json_is_an_acknowledgement_without_surprises(value: dict[str, Any]) -> None:
    import json

    custom = opamp.CustomMessage(
        capability=protocol.CAPABILITY, type="ack", data=json.dumps(value).encode()
    )

    said = protocol.told(opamp.AgentToServer(custom_message=custom))

    assert said is not None
    assert said.effective_mode is None or len(said.effective_mode) <= 64


# Held requests


async def test_a_held_request_is_answered_the_moment_a_hold_is_made(bench: Bench) -> None:
    agent = bench.agent()
    await agent.hello()
    await agent.apply()
    waiting = asyncio.create_task(agent.poll(wait_s=10))
    await asyncio.sleep(0.05)

    await bench.command()
    answer = await asyncio.wait_for(waiting, 1)

    assert len(bench.claims(agent)["holds"]) == 1
    assert answer.HasField("remote_config")


async def test_a_newer_request_of_an_instance_ends_the_wait_of_the_older(bench: Bench) -> None:
    agent = bench.agent()
    await agent.hello()
    await agent.apply()
    waiting = asyncio.create_task(agent.poll(wait_s=10))
    await asyncio.sleep(0.05)

    await agent.poll()
    answer = await asyncio.wait_for(waiting, 1)

    assert not answer.HasField("remote_config")


async def test_a_hold_wakes_only_those_it_restricts(bench: Bench) -> None:
    other = bench.agent("gateway")
    await other.hello()
    await other.apply()
    waiting = asyncio.create_task(other.poll(wait_s=1))
    await asyncio.sleep(0.05)

    await bench.command("kill", "rogue")
    answer = await asyncio.wait_for(waiting, 3)

    assert not answer.HasField("remote_config")


async def test_a_document_is_not_delivered_to_who_has_hung_up(bench: Bench) -> None:
    agent = bench.agent()
    await agent.hello()
    await agent.apply()
    gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    held = asyncio.create_task(
        bench.parts.door.opamp.answer(agent.message(), agent.secret, 10, gone)
    )
    await asyncio.sleep(0.02)

    gone.set_result(None)
    command = await bench.command()
    await asyncio.wait_for(held, 1)

    shown = await bench.get(f"/v1/commands/{command['command_id']}")
    assert shown["state"] == "signed"
    assert not (await bench.get("/v1/instances"))["instances"][0]["connected"]


async def test_a_fleet_of_one_name_is_killed_together(bench: Bench) -> None:
    fleet = [bench.agent(uid=uuid4()) for _ in range(20)]
    for agent in fleet:
        await agent.hello()
        await agent.apply()
    waiting = [asyncio.create_task(agent.poll(wait_s=10)) for agent in fleet]
    await asyncio.sleep(0.05)

    command = await bench.command()
    await asyncio.wait_for(asyncio.gather(*waiting), 3)

    shown = await bench.get(f"/v1/commands/{command['command_id']}")
    assert sum(instance["delivered_at"] is not None for instance in shown["instances"]) == 20


@pytest.mark.parametrize("name", ["\u202eyawetag", "gate\x9bway", "gate\nway", "g" * 257])
async def test_a_name_that_could_be_shown_as_another_is_refused(bench: Bench, name: str) -> None:
    hostile = bench.agent(name)

    answer = await hostile.post(hostile.message(describe=True).SerializeToString())

    assert answer.status_code == 400
    assert (await bench.get("/v1/instances"))["instances"] == []


@pytest.mark.parametrize("name", ["العربية", "👩‍💻", "<script>alert(1)</script>"])
async def test_a_name_in_any_writing_is_kept_as_it_is(bench: Bench, name: str) -> None:
    await bench.agent(name).hello()

    assert (await bench.get("/v1/instances"))["instances"][0]["agent"] == name


async def test_two_processes_with_one_uid_both_learn_of_a_kill(bench: Bench) -> None:
    """A copied state directory: each message of the one breaks the order of the other."""
    first = bench.agent()
    twin = bench.agent(uid=first.uid)
    heard: set[int] = set()
    for copy in (first, twin):
        await copy.hello()
        await copy.apply()
    await bench.command()

    for _ in range(3):
        for number, copy in enumerate((first, twin)):
            answer = await copy.poll()
            if answer.flags & opamp.ServerToAgentFlags_ReportFullState:
                answer = await copy.hello()
            if bench.claims(copy)["holds"]:
                heard.add(number)
                await copy.apply()

    assert heard == {0, 1}
