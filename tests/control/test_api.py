"""The command API: who may do what, and what came of it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from collector.control import authority
from collector.control.documents import HOLD_TYPE, verified
from tests.control.conftest import PASSWORD, Bench, TestClock, new_key, order


async def test_a_kill_goes_from_request_to_enforced_and_is_released(bench: Bench) -> None:
    agent = bench.agent()
    await agent.hello()
    await agent.apply()

    command = await bench.command("kill")
    assert command["state"] == "signed"
    bench.clock.move(milliseconds=10)
    await agent.poll()
    assert await _state(bench, command) == "delivered"
    await agent.apply(mode="kill")
    assert await _state(bench, command) == "acked"
    bench.clock.move(seconds=5)
    proven = await bench.prove(command["hold_id"], agent)
    assert proven.json()["state"] == "enforced"
    released = await bench.release(command["hold_id"])

    assert released.json()["state"] == "released"
    assert released.json()["released_by"] == "operator"
    assert [phase["phase"] for phase in released.json()["phases"]] == [
        "requested",
        "signed",
        "delivered",
        "acked",
        "enforced",
        "released",
    ]
    assert released.json()["instances"] == [
        {
            "instance_uid": str(agent.uid),
            "agent": "rogue",
            "delivered_at": "2026-01-15T12:00:00.010000Z",
            "acked_at": "2026-01-15T12:00:00.010000Z",
            "ack_status": "applied",
            "effective_mode": "kill",
            "hooks": ["pre_tool_call", "pre_model_call"],
            "enforced_at": "2026-01-15T12:00:01.000000Z",
            "decision_id": "d-1",
        }
    ]


async def _state(bench: Bench, command: dict[str, Any]) -> str:
    return str((await bench.get(f"/v1/commands/{command['command_id']}"))["state"])


async def test_evidence_may_overtake_the_acknowledgement(bench: Bench) -> None:
    agent = bench.agent()
    await agent.hello()
    command = await bench.command()
    await agent.poll()

    bench.clock.move(seconds=2)
    await bench.prove(command["hold_id"], agent)
    await agent.apply(mode="kill")

    assert await _state(bench, command) == "enforced"
    phases = [told["watchkeeper.command.phase"] for told in bench.told()]
    assert phases == ["requested", "signed", "delivered", "enforced", "acked"]


async def test_evidence_needs_the_token_of_the_collector_and_a_delivered_hold(
    bench: Bench,
) -> None:
    agent = bench.agent()
    await agent.hello()
    command = await bench.command()

    foreign = await bench.prove(command["hold_id"], agent, token="guessed")
    early = await bench.prove(command["hold_id"], agent)
    unknown = await bench.prove("no such hold", agent)

    assert [foreign.status_code, early.status_code, unknown.status_code] == [401, 409, 404]
    assert await _state(bench, command) == "signed"


@pytest.mark.parametrize("name", [None, "hyphens"])
async def test_evidence_may_name_the_instance_in_other_words(
    bench: Bench, name: str | None
) -> None:
    agent = bench.agent()
    await agent.hello()
    command = await bench.command()
    await agent.poll()

    instance_uid = name and agent.uid.hex.upper()
    proven = await bench.prove(command["hold_id"], agent, instance_uid=instance_uid)

    assert proven.json()["state"] == "enforced"


async def test_evidence_that_comes_after_the_release_is_kept_with_its_own_time(
    bench: Bench,
) -> None:
    agent = bench.agent()
    await agent.hello()
    command = await bench.command()
    await agent.poll()
    bench.clock.move(seconds=3)
    await bench.release(command["hold_id"])

    proven = (await bench.prove(command["hold_id"], agent)).json()

    assert proven["state"] == "released"
    assert [phase["phase"] for phase in proven["phases"]][-2:] == ["enforced", "released"]
    assert proven["instances"][0]["decision_id"] == "d-1"


async def test_a_command_carries_a_signed_hold_of_its_own(bench: Bench) -> None:
    command = await bench.command()

    kept = bench.journal.row("find_command", command_id=command["command_id"])
    assert kept is not None
    claims = verified(kept["signature"], bench.parts.door.signer.public, HOLD_TYPE)
    assert claims["hold"]["hold_id"] == command["hold_id"]


@pytest.mark.parametrize("role", ["viewer", "auditor", "approver"])
async def test_who_only_reads_may_not_command(bench: Bench, role: str) -> None:
    refused = await bench.post("/v1/commands", order(), role)
    standing = await bench.command()
    release = await bench.release(standing["hold_id"], role)

    assert (refused.status_code, release.status_code) == (403, 403)
    assert refused.json()["error"]["code"] == "role"
    assert len((await bench.get("/v1/holds", role))["holds"]) == 1


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/me"),
        ("POST", "/v1/preview"),
        ("POST", "/v1/commands"),
        ("GET", "/v1/commands"),
        ("GET", "/v1/commands/x"),
        ("POST", "/v1/holds/x/release"),
        ("GET", "/v1/holds"),
        ("GET", "/v1/instances"),
        ("DELETE", "/v1/session"),
        ("POST", "/v1/evidence"),
    ],
)
async def test_nothing_is_answered_without_a_session(bench: Bench, method: str, path: str) -> None:
    for headers in ({}, {"authorization": "Bearer x"}, {"authorization": "Basic x"}):
        answer = await bench.client.request(method, path, headers=headers)

        assert answer.status_code == 401


async def test_the_same_click_twice_is_one_command(bench: Bench) -> None:
    body = order()

    first = await bench.post("/v1/commands", body)
    bench.clock.move(seconds=2)
    second = await bench.post("/v1/commands", body)

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["command_id"] == second.json()["command_id"]
    assert len((await bench.get("/v1/commands"))["commands"]) == 1


async def test_a_key_cannot_be_reused_for_another_decision_or_by_another_person(
    bench: Bench,
) -> None:
    body = order()
    await bench.post("/v1/commands", body)

    other = await bench.post("/v1/commands", body | {"kind": "pause"})
    person = await bench.post("/v1/commands", body, "admin")

    assert (other.status_code, person.status_code) == (409, 409)
    assert other.json()["error"]["field"] == "idempotency_key"


async def test_of_two_operators_who_release_one_hold_one_wins(bench: Bench) -> None:
    command = await bench.command()
    await bench.sign_in("admin")

    answers = await asyncio.gather(
        bench.release(command["hold_id"], "operator"), bench.release(command["hold_id"], "admin")
    )

    assert sorted(answer.status_code for answer in answers) == [200, 409]
    [loser] = [answer for answer in answers if answer.status_code == 409]
    assert "has already released this hold" in loser.json()["error"]["message"]


async def test_a_repeated_release_answers_the_same_command(bench: Bench) -> None:
    command = await bench.command()
    key = new_key()

    first = await bench.release(command["hold_id"], key=key)
    again = await bench.release(command["hold_id"], key=key)

    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()


async def test_two_operators_restricting_one_agent_cannot_undo_each_other(bench: Bench) -> None:
    agent = bench.agent()
    await agent.hello()
    kill, pause = await bench.command("kill"), await bench.command("pause")

    await bench.release(pause["hold_id"])
    await agent.poll()

    assert [held["hold_id"] for held in bench.claims(agent)["holds"]] == [kill["hold_id"]]


async def test_a_hold_expires_by_the_clock_and_cannot_be_released_after(bench: Bench) -> None:
    command = await bench.command(expires_in_s=60)
    bench.clock.move(seconds=61)

    late = await bench.release(command["hold_id"])
    assert (await bench.get("/v1/holds"))["holds"] == []
    assert bench.parts.door.plane.expire() == 1

    assert late.status_code == 409
    assert await _state(bench, command) == "expired"
    assert bench.parts.door.plane.expire() == 0


async def test_a_preview_counts_who_would_be_reached(bench: Bench) -> None:
    agent = bench.agent()
    await agent.hello()
    await bench.agent("clerk").hello()
    await bench.command("pause")

    preview = await bench.post("/v1/preview", {"kind": "degrade", "scope": {"agent_name": "rogue"}})

    assert preview.json() == {
        "agents": 1,
        "instances": 1,
        "connected": 1,
        "effective_after": "pause",
    }


async def test_a_hold_may_name_one_instance(bench: Bench) -> None:
    target, other = bench.agent(), bench.agent()
    await target.hello()
    await other.hello()
    scope = {"agent_name": "rogue", "instance": str(target.uid).upper()}

    refused_copy = {"agent_name": "clerk", "instance": str(target.uid)}
    await bench.command(scope=scope)
    await bench.command(scope=refused_copy)
    await target.poll()
    await other.poll()

    [held] = bench.claims(target)["holds"]
    assert held["scope"] == {"agent_name": "rogue", "instance": str(target.uid)}
    assert bench.claims(other)["holds"] == []


async def test_instances_show_who_is_listening_and_what_they_obey(bench: Bench) -> None:
    agent = bench.agent("gateway")
    await agent.hello()
    await agent.apply(mode="normal")

    [shown] = (await bench.get("/v1/instances"))["instances"]
    bench.clock.move(seconds=46)
    [silent] = (await bench.get("/v1/instances"))["instances"]

    assert shown["agent"] == "gateway"
    assert shown["connected"] and not silent["connected"]
    assert (shown["effective_mode"], shown["hooks"], shown["pid"]) == (
        "normal",
        ["pre_tool_call"],
        42,
    )
    assert (shown["epoch"], shown["gen"]) == (bench.parts.door.plane.epoch, 1)


async def test_a_wrong_body_is_answered_with_its_field(bench: Bench) -> None:
    answer = await bench.post("/v1/commands", order(reason=""))

    assert answer.status_code == 400
    assert answer.json()["error"]["field"] == "reason"
    assert "expected why" in answer.json()["error"]["message"]


async def test_a_post_must_say_that_it_is_json(bench: Bench) -> None:
    headers = await bench.sign_in("operator")

    form = await bench.client.post("/v1/commands", data={"kind": "kill"}, headers=headers)
    headers |= {"content-type": "application/json"}
    broken = await bench.client.post("/v1/commands", content=b"{", headers=headers)
    nested = await bench.client.post("/v1/commands", content=b"[" * 200_000, headers=headers)
    large = await bench.client.post("/v1/commands", content=b" " * 300_000, headers=headers)

    codes = [answer.status_code for answer in (form, broken, nested, large)]
    assert codes == [415, 400, 400, 413]


async def test_only_its_own_names_reach_a_loopback_address(bench: Bench) -> None:
    for host, expected in (("127.0.0.1:4320", 200), ("evil.example", 421), ("127.0.0.1.", 421)):
        answer = await bench.client.get("/healthz", headers={"host": host})

        assert answer.status_code == expected


async def test_no_page_of_another_origin_may_read_answers(bench: Bench) -> None:
    answer = await bench.client.get("/v1/keys", headers={"origin": "http://evil.example"})

    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert answer.json() == {"keys": [bench.parts.door.signer.jwk]}


async def test_limits_of_the_list_are_checked(bench: Bench) -> None:
    await bench.command()
    headers = await bench.sign_in("viewer")

    for limit, expected in (("1", 200), ("0", 400), ("x", 400), ("1001", 400), ("9" * 40, 400)):
        answer = await bench.client.get(f"/v1/commands?limit={limit}", headers=headers)

        assert answer.status_code == expected


async def test_ready_means_that_a_kill_could_be_kept(bench: Bench) -> None:
    await bench.command()

    answer = await bench.client.get("/readyz")

    assert answer.json() == {"status": "ok", "events_waiting": 2}


# Signing in


async def test_a_sign_in_link_works_once(bench: Bench) -> None:
    authority.add_operator(bench.journal, "jo", "operator", None, bench.clock())
    code = authority.new_code(bench.journal, "jo", bench.clock())

    first = await bench.client.post("/v1/sessions", json={"code": code})
    second = await bench.client.post("/v1/sessions", json={"code": code})

    assert (first.status_code, second.status_code) == (201, 401)
    assert first.json()["user"] == "jo"


async def test_a_sign_in_link_works_for_an_hour(bench: Bench) -> None:
    authority.add_operator(bench.journal, "jo", "operator", None, bench.clock())
    code = authority.new_code(bench.journal, "jo", bench.clock())
    bench.clock.move(minutes=61)

    late = await bench.client.post("/v1/sessions", json={"code": code})

    assert late.status_code == 401


async def test_a_session_ends_by_signing_out_idleness_or_age(bench: Bench) -> None:
    async def status() -> int:
        headers = await bench.sign_in("viewer")
        return (await bench.client.get("/v1/me", headers=headers)).status_code

    assert await status() == 200
    bench.clock.move(minutes=29)
    assert await status() == 200
    bench.clock.move(minutes=29)
    assert await status() == 200
    bench.clock.move(minutes=31)
    assert await status() == 401

    bench.tokens.clear()
    for _ in range(16):
        assert await status() == 200
        bench.clock.move(minutes=29)
    bench.clock.move(minutes=20)
    assert await status() == 401

    bench.tokens.clear()
    headers = await bench.sign_in("viewer")
    assert (await bench.client.delete("/v1/session", headers=headers)).status_code == 204
    assert await status() == 401


async def test_passwords_are_checked_and_guessing_is_slowed(bench: Bench) -> None:
    authority.add_operator(bench.journal, "jo", "operator", PASSWORD, bench.clock())

    async def sign_in(user: str, password: str) -> httpx.Response:
        body = {"user": user, "password": password}
        return await bench.client.post("/v1/sessions", json=body)

    assert (await sign_in("jo", PASSWORD)).status_code == 201
    assert (await sign_in("nobody", PASSWORD)).status_code == 401
    guesses = await asyncio.gather(*(sign_in("jo", f"guess {n}") for n in range(12)))
    assert sorted(answer.status_code for answer in guesses) == [401] * 10 + [429] * 2
    assert (await sign_in("jo", PASSWORD)).status_code == 429
    bench.clock.move(minutes=6)
    assert (await sign_in("jo", PASSWORD)).status_code == 201


async def test_an_operator_without_password_cannot_sign_in_by_one(bench: Bench) -> None:
    await bench.sign_in("admin")

    answer = await bench.client.post("/v1/sessions", json={"user": "admin", "password": "x"})

    assert answer.status_code == 401


async def test_no_secret_is_kept_in_plain(bench: Bench) -> None:
    agent = bench.agent()
    await agent.hello()
    await bench.sign_in("operator")
    authority.add_operator(bench.journal, "jo", "viewer", PASSWORD, bench.clock())

    files = [file.read_bytes() for file in (bench.home / "control").glob("journal.sqlite*")]

    for secret in (bench.tokens["operator"], agent.secret, PASSWORD):
        assert not any(secret.encode() in content for content in files)


@pytest.mark.parametrize(
    "changed", [{"expires_in_s": 7200}, {"reason": "another"}, {"kind": "pause"}, {"profile": {}}]
)
async def test_a_key_with_anything_else_in_its_body_is_refused(
    bench: Bench, clock: TestClock, changed: dict[str, Any]
) -> None:
    body = order("degrade")
    first = await bench.post("/v1/commands", body)
    clock.move(seconds=5)
    again = await bench.post("/v1/commands", body)
    other = await bench.post("/v1/commands", body | changed)

    assert (first.status_code, again.status_code) == (201, 200)
    is_same = changed == {"profile": {}}
    assert other.status_code == (200 if is_same else 409)


async def test_a_release_repeated_for_another_reason_is_refused(bench: Bench) -> None:
    hold_id = (await bench.command())["hold_id"]
    body = {"reason": "all clear", "idempotency_key": "click-once"}
    first = await bench.post(f"/v1/holds/{hold_id}/release", body)

    other = await bench.post(f"/v1/holds/{hold_id}/release", body | {"reason": "a mistake"})

    assert (first.status_code, other.status_code) == (200, 409)


async def test_thirty_clicks_at_once_are_one_kill_one_degrade_and_one_release(
    bench: Bench,
) -> None:
    hold_id = (await bench.command("pause"))["hold_id"]
    kill, degrade = order("kill"), order("degrade")
    clicks = [
        *(bench.post("/v1/commands", kill) for _ in range(10)),
        *(bench.post("/v1/commands", degrade) for _ in range(10)),
        *(bench.release(hold_id, key="the-same-click") for _ in range(10)),
    ]

    statuses = [answer.status_code for answer in await asyncio.gather(*clicks)]

    assert sorted(statuses) == [200] * 28 + [201] * 2
    held = (await bench.get("/v1/holds"))["holds"]
    assert sorted(hold["kind"] for hold in held) == ["degrade", "kill"]


async def test_the_clock_set_back_an_hour_ends_no_hold_and_stops_no_delivery(
    bench: Bench, clock: TestClock
) -> None:
    agent = bench.agent()
    await agent.hello()
    await agent.apply()
    first = (await bench.command("degrade"))["hold_id"]
    await agent.poll()
    clock.move(hours=-1)

    second = (await bench.command("kill"))["hold_id"]
    await agent.apply()

    assert {hold["hold_id"] for hold in bench.claims(agent)["holds"]} == {first, second}
    assert bench.claims(agent)["iat"] == int(clock().timestamp())


async def test_the_refusal_of_another_agent_proves_nothing(bench: Bench) -> None:
    agent = bench.agent()
    await agent.hello()
    command = await bench.command()
    await agent.apply()
    await agent.apply(mode="kill")

    forged = await bench.prove(command["hold_id"], agent, agent="gateway", instance_uid=None)
    shown = await bench.get(f"/v1/commands/{command['command_id']}")
    proven = await bench.prove(command["hold_id"], agent, agent="rogue")

    assert forged.status_code == 409 and forged.json()["error"]["field"] == "agent"
    assert shown["state"] == "acked"
    assert proven.json()["state"] == "enforced"


async def test_what_a_degraded_agent_may_still_do_is_told_with_each_transition(
    bench: Bench,
) -> None:
    profile = {"tools": {"class": "read_only", "deny": ["transfer"]}}

    await bench.command(kind="degrade", profile=profile)

    told = [json.loads(each["watchkeeper.command.profile"]) for each in bench.told()]
    assert [each["tools"] for each in told] == [profile["tools"]] * len(told)
    assert len(told) == 2
