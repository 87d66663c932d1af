"""Steps of budgets in money: taken once, pushed or proposed, and released by people only."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.control.conftest import Bench, new_key, order


def step(**fields: Any) -> dict[str, Any]:
    return {
        "series": "clerk-month/kill/2026-01",
        "rolling": False,
        "budget": "clerk-month",
        "agent": "clerk",
        "act": "push",
        "hold": "kill",
        "at": 1.2,
        "lasts_s": 3600,
        "models": {},
        "amount_usd": 50,
        "usd": 61.5,
        "unpriced_calls": 0,
        "since": "2026-01-01T00:00:00Z",
        "sample": False,
        **fields,
    }


async def told(bench: Bench, path: str = "", **fields: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {bench.parts.door.collector_token}"}
    body = {"series": fields["series"]} if path == "/rearm" else step(**fields)
    return await bench.client.post(f"/v1/budget-steps{path}", json=body, headers=headers)


async def listed(bench: Bench) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = (await bench.get("/v1/budget-steps"))["steps"]
    return steps


async def decide(
    bench: Bench, step_id: str, what: str, role: str = "operator", **fields: Any
) -> httpx.Response:
    body = {"reason": "looked at it", "idempotency_key": new_key(), **fields}
    return await bench.post(f"/v1/budget-steps/{step_id}/{what}", body, role)


async def test_a_push_is_a_signed_hold_that_an_agent_hears_and_only_a_person_releases(
    bench: Bench,
) -> None:
    agent = bench.agent("clerk")
    await agent.hello()

    answer = await told(bench)
    await agent.poll()
    await agent.apply(mode="kill")

    assert answer.status_code == 201
    (held,) = bench.claims(agent)["holds"]
    assert (held["kind"], held["origin"], held["actor"]) == (
        "kill",
        "auto_budget",
        "budget clerk-month",
    )
    assert held["reason"] == (
        "budget clerk-month: 61.50 of 50.00 USD spent since 2026-01-01T00:00Z; its step at 120 %"
    )
    (taken,) = await listed(bench)
    assert (taken["state"], taken["hold_state"]) == ("pushed", "acked")
    proven = await bench.prove(held["hold_id"], agent, agent="clerk")
    assert proven.json()["state"] == "enforced"
    released = await bench.release(held["hold_id"])
    assert (released.json()["state"], released.json()["released_by"]) == ("released", "operator")


async def test_a_step_told_again_is_the_same_also_after_its_release(bench: Bench) -> None:
    first = await told(bench)
    again = await told(bench, usd=70)
    await bench.release(first.json()["hold_id"])
    after = await told(bench, usd=80)

    assert (first.status_code, again.status_code, after.status_code) == (201, 200, 200)
    assert again.json() == first.json()
    assert len(await listed(bench)) == 1
    assert len((await bench.get("/v1/commands"))["commands"]) == 1


async def test_a_new_period_takes_the_step_again_and_a_standing_hold_serves_both(
    bench: Bench,
) -> None:
    january = (await told(bench)).json()
    february = (await told(bench, series="2026-02", usd=60)).json()
    await bench.release(january["hold_id"])
    march = (await told(bench, series="2026-03", usd=60)).json()

    assert february["step_id"] != january["step_id"]
    assert february["hold_id"] == january["hold_id"]
    assert march["hold_id"] != january["hold_id"]
    assert len((await bench.get("/v1/commands"))["commands"]) == 2


async def test_a_rolling_step_comes_again_only_after_costs_fell(bench: Bench) -> None:
    rolling = {"series": "fleet", "rolling": True, "act": "warn", "hold": None}

    first = await told(bench, **rolling)
    second = await told(bench, **rolling)
    fell = await told(bench, "/rearm", series="fleet")
    fell_again = await told(bench, "/rearm", series="fleet")
    third = await told(bench, **rolling)

    assert [answer.status_code for answer in (first, second, third)] == [201, 200, 201]
    assert (fell.json(), fell_again.json()) == ({"rearmed": True}, {"rearmed": False})
    assert third.json()["step_id"] != first.json()["step_id"]


async def test_a_calendar_step_is_never_armed_again(bench: Bench) -> None:
    await told(bench, act="warn", hold=None)

    fell = await told(bench, "/rearm", series=step()["series"])

    assert fell.json() == {"rearmed": False}
    assert (await told(bench, act="warn", hold=None)).status_code == 200


async def test_a_proposal_holds_nobody_until_an_operator_accepts_it(bench: Bench) -> None:
    proposed = (await told(bench, act="propose", hold="degrade", models={"big": "small"})).json()
    before = (await bench.get("/v1/holds"))["holds"]

    key = new_key()
    accepted = await decide(bench, proposed["step_id"], "accept", idempotency_key=key)
    again = await decide(bench, proposed["step_id"], "accept", idempotency_key=key)
    late = await decide(bench, proposed["step_id"], "decline", "admin")

    assert before == []
    (held,) = (await bench.get("/v1/holds"))["holds"]
    assert (held["origin"], held["actor"], held["reason"]) == ("human", "operator", "looked at it")
    assert held["profile"] == {"tools": {}, "model_map": {"big": "small"}, "approve": []}
    assert accepted.json()["state"] == "accepted"
    assert again.json() == accepted.json()
    assert late.status_code == 409
    assert "operator has already accepted" in late.json()["error"]["message"]


async def test_a_declined_proposal_holds_nobody_and_is_told(bench: Bench) -> None:
    proposed = (await told(bench, act="propose")).json()

    declined = await decide(bench, proposed["step_id"], "decline")

    assert (declined.json()["state"], declined.json()["decided_by"]) == ("declined", "operator")
    assert (await bench.get("/v1/holds"))["holds"] == []
    names = [event.get("watchkeeper.governance.name") for event in bench.told()]
    assert names == ["budget.proposed", "budget.declined"]


async def test_what_was_pushed_or_warned_is_not_decided_on(bench: Bench) -> None:
    warned = (await told(bench, act="warn", hold=None)).json()

    answer = await decide(bench, warned["step_id"], "accept")

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "decided")


@pytest.mark.parametrize("role", ["viewer", "auditor", "approver"])
async def test_who_may_not_command_may_not_decide(bench: Bench, role: str) -> None:
    proposed = (await told(bench, act="propose")).json()

    answer = await decide(bench, proposed["step_id"], "accept", role)

    assert answer.status_code == 403


async def test_only_the_collector_takes_steps_and_it_releases_nothing(bench: Bench) -> None:
    by_operator = await bench.post("/v1/budget-steps", step())
    taken = (await told(bench)).json()
    headers = {"authorization": f"Bearer {bench.parts.door.collector_token}"}
    body = {"reason": "all clear", "idempotency_key": new_key()}
    released = await bench.client.post(
        f"/v1/holds/{taken['hold_id']}/release", json=body, headers=headers
    )
    commanded = await bench.client.post("/v1/commands", json=order(), headers=headers)

    assert by_operator.status_code == 401
    assert (released.status_code, commanded.status_code) == (401, 401)


async def test_machines_stop_few_agents_an_hour_and_propose_the_others(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.control.budgets.MOST_STOPPED", 2)

    states = [
        (await told(bench, series=f"s{number}", agent=f"agent-{number}")).json()["state"]
        for number in range(3)
    ]
    degraded = await told(bench, series="d", agent="agent-3", hold="degrade")
    bench.clock.move(hours=1, seconds=1)
    later = await told(bench, series="s4", agent="agent-4")

    assert states == ["pushed", "pushed", "proposed"]
    assert degraded.json()["state"] == "pushed"
    assert later.json()["state"] == "pushed"
    notes = [one["note"] for one in await listed(bench) if one["state"] == "proposed"]
    assert notes == ["budgets stopped 2 agents within an hour: a person decides on the others"]


async def test_a_flood_of_steps_waits(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.control.budgets.MOST_STEPS", 1)

    await told(bench, act="warn", hold=None)
    flooded = await told(bench, series="other", act="warn", hold=None)

    assert (flooded.status_code, flooded.json()["error"]["code"]) == (429, "too_many_steps")


async def test_the_collector_hears_of_the_step_with_its_figures(bench: Bench) -> None:
    await told(bench, unpriced_calls=3)

    happened = [e for e in bench.told() if e.get("watchkeeper.governance.kind") == "cost"]

    assert len(happened) == 1
    assert happened[0]["watchkeeper.governance.value"] == 61.5
    assert happened[0]["gen_ai.agent.name"] == "clerk"
    assert happened[0]["watchkeeper.governance.reason"] == (
        "budget clerk-month: at least 61.50 of 50.00 USD spent since 2026-01-01T00:00Z, "
        "3 calls not measured; its step at 120 %"
    )


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"series": ""}, "series"),
        ({"agent": "a\x00b"}, "agent"),
        ({"agent": None}, "agent"),
        ({"act": "stop"}, "act"),
        ({"hold": None}, "hold"),
        ({"hold": "require_approval"}, "hold"),
        ({"act": "warn"}, "hold"),
        ({"at": "1"}, "at"),
        ({"usd": -1}, "usd"),
        ({"usd": True}, "usd"),
        ({"amount_usd": 1e300}, "amount_usd"),
        ({"unpriced_calls": 1.5}, "unpriced_calls"),
        ({"lasts_s": 59}, "lasts_s"),
        ({"lasts_s": 10**18}, "lasts_s"),
        ({"since": "yesterday"}, "since"),
        ({"models": {"big": "small"}}, "models"),
        ({"models": ["big"]}, "profile.model_map"),
        ({"rolling": "no"}, "rolling"),
        ({"sample": None}, "sample"),
    ],
)
async def test_a_step_that_is_wrong_is_answered_with_its_field(
    bench: Bench, wrong: dict[str, Any], field: str
) -> None:
    answer = await told(bench, **wrong)

    assert (answer.status_code, answer.json()["error"]["field"]) == (400, field)
    assert await listed(bench) == []
