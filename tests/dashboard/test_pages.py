"""What each page says, to whom, and what it says when there is nothing to show."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest
from fake_answers.common import TRACE_ID
from fake_api import FakeApis
from streamlit.testing.v1 import AppTest

from dashboard import data
from dashboard.components import coverage
from dashboard.components.page import LONGEST_TITLE, line_of, plain
from dashboard.state import Key, Url

Visit = Callable[..., AppTest]
EVERY_PAGE = {
    "fleet": {},
    "agent": {"agent": "clerk"},
    "objectives": {},
    "objective": {"objective": "answers-without-error", "agent": "clerk"},
    "traces": {},
    "trace": {"trace": TRACE_ID},
    "decisions": {},
    "events": {},
    "coverage": {},
    "sequences": {},
    "commands": {},
    "reports": {},
    "evidence": {},
    "costs": {},
    "inventory": {},
    "audit": {},
}


def words_of(page: AppTest) -> str:
    """All the text a reader sees."""
    kinds = (
        page.title,
        page.subheader,
        page.markdown,
        page.caption,
        page.info,
        page.warning,
        page.error,
        page.html,
    )
    return "\n".join(
        str(element.value if hasattr(element, "value") else element.body)
        for kind in kinds
        for element in kind
    )


@pytest.mark.parametrize("name", EVERY_PAGE)
def test_every_page_opens_without_a_traceback(visit: Visit, name: str) -> None:
    page = visit(name, **EVERY_PAGE[name])

    assert not page.exception
    assert "Data to 11:59:57 UTC · 2.4 s behind" in words_of(page)


@pytest.mark.parametrize("name", EVERY_PAGE)
def test_every_page_opens_on_an_empty_collector(visit: Visit, apis: FakeApis, name: str) -> None:
    apis.fleet.empty = True

    page = visit(name, **EVERY_PAGE[name])

    assert not page.exception


@pytest.mark.parametrize("name", [name for name in EVERY_PAGE if name != "commands"])
def test_without_a_collector_a_page_says_what_still_works(
    visit: Visit, away: Callable[[str], None], name: str
) -> None:
    away("api")

    page = visit(name, **EVERY_PAGE[name])

    assert not page.exception
    assert "No current data: the collector does not answer" in words_of(page)
    assert "Commands do not depend on it" in words_of(page)


def test_the_fleet_counts_against_the_whole(visit: Visit) -> None:
    page = visit()

    told = {metric.label: (metric.value, metric.delta) for metric in page.metric}
    assert told["Agents reporting"] == ("6 of 7", "1 silent over 5 min")
    assert told["Objectives out of budget"] == ("1 of 7", "2 more burning or at risk")
    assert told["Actions denied, 24 h"] == ("330", "+45% against 227 before")
    assert told["Unanswered commands"] == ("1", "Stop sample-archivist")


def test_the_most_urgent_agent_stands_first(visit: Visit) -> None:
    table = visit().dataframe[0].value

    assert list(table["agent"])[:3] == ["rogue", "clerk", "courier"]
    assert list(table["state"].iloc[0]) == ["Exhausted"]


def test_an_unmeasured_number_is_not_zero(visit: Visit) -> None:
    table = visit().dataframe[0].value.set_index("agent")

    assert table.loc["sample-archivist"].isna()["burn_1h"]
    assert table.loc["sample-archivist"].isna()["budget_left"]


def test_sample_data_is_marked_in_the_header_and_in_the_row(visit: Visit) -> None:
    page = visit()

    table = page.dataframe[0].value.set_index("agent")
    assert "SAMPLE DATA" in words_of(page)
    assert list(table.loc["sample-triage", "data"]) == ["Sample"]
    assert table.loc["gateway"].isna()["data"]


def test_without_sample_agents_nothing_is_marked(visit: Visit, apis: FakeApis) -> None:
    apis.fleet.sample = False

    assert "SAMPLE DATA" not in words_of(visit())


def test_an_empty_fleet_says_what_to_do_next(visit: Visit, apis: FakeApis) -> None:
    apis.fleet.empty = True

    page = visit()

    assert "No agent has reported yet" in words_of(page)
    assert not page.metric


def test_late_evidence_raises_an_amber_line(visit: Visit, apis: FakeApis) -> None:
    apis.fleet.behind_s = 94.0

    assert "The newest record is 1 min 34 s old" in words_of(visit())


def test_an_operator_may_degrade_and_stop(visit: Visit) -> None:
    page = visit("agent", agent="clerk")

    assert not page.button(key=Key.AGENT_DEGRADE).disabled
    assert not page.button(key=Key.AGENT_STOP).disabled


def test_a_viewer_sees_the_buttons_disabled_with_the_reason(visit: Visit, apis: FakeApis) -> None:
    apis.fleet.role = "viewer"

    stop = visit("agent", agent="clerk").button(key=Key.AGENT_STOP)

    assert stop.disabled
    assert stop.help == "Your role is viewer; commanding needs operator or admin"


def test_a_stranger_reads_and_is_asked_to_sign_in(visit: Visit) -> None:
    page = visit("agent", token=None, agent="clerk")

    assert "Not signed in · read only" in words_of(page)
    assert '<a href="/signin"' in words_of(page)
    assert page.button(key=Key.AGENT_STOP).help == "Sign in as an operator to command agents"


def test_an_ended_session_is_nobody(visit: Visit) -> None:
    assert "Not signed in" in words_of(visit(token="ended"))


def test_without_control_the_fleet_still_shows_and_commands_are_off(
    visit: Visit, away: Callable[[str], None]
) -> None:
    away("control")

    page = visit("agent", agent="clerk")

    assert not page.exception
    assert page.button(key=Key.AGENT_STOP).disabled
    assert "Control does not answer" in words_of(page)


def test_commands_stand_without_the_collector(visit: Visit, away: Callable[[str], None]) -> None:
    away("api")

    page = visit("commands")

    assert not page.exception
    assert "Nothing below is proven" in words_of(page)
    assert "Stop sample-archivist" in list(page.dataframe[0].value["what"])


def test_a_contradicted_hold_is_told_loudly(visit: Visit) -> None:
    page = visit("commands")

    assert "courier acts against its hold" in page.error[0].value
    assert "3 actions executed after it acknowledged" in page.error[0].value


def test_an_acknowledged_command_is_not_ticked_as_enforced(visit: Visit) -> None:
    timeline = visit("commands", hold="hold-courier").html

    told = "".join(element.body for element in timeline)
    assert '<li class="broken">' in told
    assert "Contradicted by the agent&#x27;s own telemetry" in told


def test_a_link_to_an_unknown_agent_says_so(visit: Visit) -> None:
    page = visit("agent", agent="nobody")

    assert "No agent “nobody” in this range" in words_of(page)


def test_an_unknown_trace_says_so(visit: Visit) -> None:
    page = visit("trace", trace="dead" + "0" * 28)

    assert "No trace “dead" in words_of(page)


def test_a_span_in_the_address_opens_its_panel(visit: Visit) -> None:
    page = visit("trace", trace=TRACE_ID, span="0000000000000009")

    assert "execute\\_tool payments\\.refund" in words_of(page)
    assert "refused by spend\\-limit/03" in words_of(page)


def test_older_decisions_start_below_the_last_one(visit: Visit) -> None:
    page = visit("decisions")
    last = page.dataframe[-1].value["decided_at"].min()

    page.button(key=Key.DECISIONS_OLDER).click().run()

    assert page.dataframe[-1].value["decided_at"].max() < last


def test_a_decision_tells_what_it_was_made_of_and_what_was_known_then(visit: Visit) -> None:
    page = visit("decisions", decision="dec-00000")

    assert "Trust when decided" in words_of(page)
    assert "715 · Trusted" in words_of(page)
    assert "Degraded since" in words_of(page)

    page.toggle(key=Key.DECISION_KNOWN).set_value(True).run()

    assert "742 · Trusted" in words_of(page)
    assert "Degraded since" not in words_of(page)


def test_the_rules_that_need_a_hand_stand_first_and_matches_name_their_steps(
    visit: Visit,
) -> None:
    page = visit("sequences")

    found, rules = page.dataframe[0].value, page.dataframe[1].value
    assert found["steps"].to_list() == ["read_mail → send_outside"] * 3
    assert rules["title"].to_list() == ["broken.yaml", "Mail is read, then data leaves"]
    assert "the field steps is missing" in rules["reason"][0]


def test_governance_events_are_counted_by_gravity_and_told_newest_first(visit: Visit) -> None:
    page = visit("events")

    told = {metric.label: (metric.value, metric.delta) for metric in page.metric}
    assert told["Stopped or attacked"] == ("3", "kill 1, quarantine 1 and 1 more")
    assert told["Alarm"] == ("9", "breaker 7, cost 2")
    table = page.dataframe[0].value
    assert table["name"].to_list()[:3] == [
        "security.agent_killed",
        "SIGSTOP",
        "ring.breach_detected",
    ]
    assert table["change"].to_list()[0] == "active → terminated"
    assert table["change"].isna()[1]


def test_governance_events_are_narrowed_by_agent_and_kind(visit: Visit) -> None:
    page = visit("events", events_agent="rogue")

    page.selectbox(key=Url.EVENTS_KIND).set_value("kill").run()

    assert page.dataframe[0].value["agent"].to_list() == ["rogue"]


def test_an_event_in_the_address_shows_its_record(visit: Visit) -> None:
    page = visit("events", event="ev-1768476540000000000")

    assert "writes outside its sandbox" in words_of(page)
    record = page.dataframe[0].value
    assert record["name"].to_list() == ["watchkeeper.governance.kind", "event.name"]


def test_without_governance_events_the_page_says_what_to_send(visit: Visit, apis: FakeApis) -> None:
    apis.fleet.empty = True

    told = words_of(visit("events"))

    assert "No governance event in the last 24 h" in told
    assert "docs/agt.md" in told and "`watchkeeper.governance`" in told


def test_a_filter_that_fits_no_event_is_not_taken_for_silence(visit: Visit) -> None:
    told = words_of(visit("events", events_agent="gateway", events_kind="kill"))

    assert "No governance event matches" in told
    assert "docs/agt.md" not in told


def test_an_agent_shows_what_happened_to_it_or_that_nothing_was_told(visit: Visit) -> None:
    tables = [table.value for table in visit("agent", agent="rogue").dataframe]
    calm = words_of(visit("agent", agent="sample-archivist"))

    [happened] = [table for table in tables if "change" in table.columns]
    assert happened["name"].to_list() == [
        "security.agent_killed",
        "SIGSTOP",
        "ring.breach_detected",
    ]
    assert "No governance event was told of this agent" in calm


def test_audit_records_are_counted_with_what_was_looked_at(visit: Visit) -> None:
    page = visit("audit")

    told = {metric.label: (metric.value, metric.delta) for metric in page.metric}
    assert told["Records looked at"] == ("34", "of 54 in the range")
    assert told["Failed"] == ("3", "invalid 1 and others")
    assert told["Cannot be checked"] == ("1", "no signing key is known")
    assert "15 Jan 06:00 to 12:00 UTC. 20 older ones" in words_of(page)
    assert "`agt-signing-keys`" in words_of(page)
    failed, left_out = page.dataframe[0].value, page.dataframe[1].value
    assert [word for words in failed["result"][:3] for word in words] == [
        "Invalid",
        "Contradicted",
        "Chain broken",
    ]
    assert left_out["records"].to_list() == ["33 of 34 records", "17 of 34 records"]


def test_the_rest_of_a_range_is_checked_when_asked_for(visit: Visit) -> None:
    page = visit("audit")

    page.button(key=Key.AUDIT_REST).click().run()

    told = {metric.label: metric.value for metric in page.metric}
    assert (told["Records looked at"], told["Failed"], told["Valid"]) == ("54", "4", "49")
    assert "Looked at 54 records: all from 14 Jan 12:00" in words_of(page)
    assert "record 839 of its chain never came" in page.dataframe[0].value["reason"].to_list()


def test_what_was_checked_of_one_range_is_not_shown_for_another(visit: Visit) -> None:
    page = visit("audit")
    page.button(key=Key.AUDIT_REST).click().run()

    page.selectbox(key=Url.AUDIT_AGENT).set_value("rogue").run()

    told = {metric.label: metric.value for metric in page.metric}
    assert told["Records looked at"] == "18"


def test_without_audit_records_the_page_says_what_to_send(visit: Visit, apis: FakeApis) -> None:
    apis.fleet.empty = True

    told = words_of(visit("audit"))

    assert "No audit record of a governance toolkit in the last 24 h" in told
    assert "docs/agt.md" in told


def test_the_fleet_and_an_agent_say_how_much_was_decided_about(visit: Visit) -> None:
    table = visit().dataframe[0].value.set_index("agent")
    rogue = {metric.label: metric.value for metric in visit("agent", agent="rogue").metric}
    courier = words_of(visit("agent", agent="courier"))

    assert table.loc["rogue", "decided"] == "82%"
    assert table.loc["clerk", "decided"] == "not measured"
    assert table.isna().loc["gateway", "decided"]
    assert (rogue["Tool calls decided"], rogue["Model calls decided"]) == ("82%", "0%")
    assert "No call of a tool or a model in the last 24 h" in courier


def test_an_agent_that_never_told_a_decision_is_not_measured(visit: Visit) -> None:
    told = {
        metric.label: (metric.value, metric.delta)
        for metric in visit("agent", agent="clerk").metric
    }

    assert told["Tool calls decided"] == ("–", "not measured: no decision told")
    assert told["Model calls decided"] == ("–", "no call in the range")


@pytest.mark.parametrize(
    ("governed", "measured", "told"),
    [
        (0, 0, "not measured"),
        (0, 9, "0%"),
        (1, 1000, "under 1%"),
        (999, 1000, "99%"),
        (9, 9, "100%"),
    ],
)
def test_a_share_reads_all_or_nothing_only_when_it_is(
    governed: int, measured: int, told: str
) -> None:
    assert coverage.decided(governed, measured) == told


def test_coverage_tells_what_is_not_measured_from_what_is_zero(visit: Visit) -> None:
    page = visit("coverage")

    shares = page.dataframe[0].value
    assert shares["measured_as"].to_list() == ["0 of 40", "66 of 80", "not measured"]
    assert shares["coverage"].to_list()[0] == 0.0
    told = {metric.label: (metric.value, metric.delta) for metric in page.metric}
    assert told["Tool calls decided"] == ("82%", "66 of 80 calls")
    assert told["Model calls decided"] == ("0%", "0 of 40 calls")
    assert told["Not measured"] == ("30", "30 of 150 calls")
    assert told["Bypasses"] == ("2", "1 proven, 1 suspected")


def test_bypasses_say_how_sure_they_are_and_why(visit: Visit) -> None:
    page = visit("coverage")

    found = page.dataframe[1].value
    assert [word for words in found["certainty"] for word in words] == ["Suspected", "Proven"]
    assert "looks fine for a refused call" in found["reason"][0]


def test_an_agent_without_ungoverned_calls_says_so(visit: Visit) -> None:
    page = visit("coverage", coverage_agent="gateway")

    assert "Every call of the agents that tell decisions had one." in words_of(page)
    assert "Nothing went through" in words_of(page)


def test_a_filter_narrows_the_table(visit: Visit) -> None:
    page = visit("decisions")

    page.selectbox(key=Url.DECISIONS_VERDICT).set_value("deny").run()

    shown = {word for words in page.dataframe[-1].value["verdict"] for word in words}
    assert shown == {"Denied"}


def test_a_report_is_asked_for_with_its_period(visit: Visit, apis: FakeApis) -> None:
    page = visit("reports")

    page.button(key=Key.REPORTS_MAKE).click().run()

    assert not page.exception
    assert apis.fleet.reports[0]["since"] == "2025-12-18T12:00:00+00:00"


def test_a_stranger_cannot_make_or_download_reports(visit: Visit) -> None:
    page = visit("reports", token=None)

    assert page.button(key=Key.REPORTS_MAKE).disabled
    assert "Sign in to download" in words_of(page)


def test_the_evidence_page_accounts_for_every_record(visit: Visit) -> None:
    page = visit("evidence")

    told = {metric.label: (metric.value, metric.delta) for metric in page.metric}
    assert told["Refused"] == ("3", "3 of 12,500 records")
    assert "12,483 stored, 3 refused, 14 sent twice" in page.success[0].value
    assert list(page.dataframe[-1].value["reason"]) == ["invalid_span_id"]


def test_the_evidence_page_tells_what_is_missing_and_what_is_not_measured(visit: Visit) -> None:
    page = visit("evidence")

    told = {metric.label: (metric.value, metric.delta) for metric in page.metric}
    assert told["Missing numbers"] == ("2", "measured in 1 of 3")
    assert told["Silent senders"] == ("1", "measured in 1 of 3")
    assert told["Lost in SDKs"] == ("112", "measured in 2 of 3")
    listed = page.dataframe[0].value
    assert [state[0] for state in listed["state"]] == ["Missing", "Dropped", "Silent"]
    assert "412 to 413" in list(page.dataframe[-2].value["numbers"])


def test_an_unmeasured_fact_of_a_source_is_a_dash_and_never_zero(visit: Visit) -> None:
    page = visit("evidence", evidence_signal="metrics")

    told = {metric.label: (metric.value, metric.delta) for metric in page.metric}
    assert told["Missing numbers"] == ("–", "not measured: no sender numbers its records")
    assert told["Lost in SDKs"] == ("0", "measured in 1 of 1")


def test_a_refusal_comes_with_what_can_be_done(visit: Visit) -> None:
    assert "Send the span id as 8 bytes" in words_of(visit("evidence"))


def test_a_filter_in_the_address_narrows_the_evidence(visit: Visit) -> None:
    page = visit("evidence", evidence_signal="logs")

    assert list(page.dataframe[0].value["signal"]) == ["logs"]
    assert "Nothing was refused in the last 24 h" in words_of(page)


def test_without_any_record_the_evidence_page_says_where_to_point_an_exporter(
    visit: Visit, apis: FakeApis
) -> None:
    apis.fleet.empty = True

    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in words_of(visit("evidence"))


def test_a_part_of_the_range_in_the_address_narrows_the_decisions(visit: Visit) -> None:
    part = {"since": "2026-01-15T09:00:00+00:00", "until": "2026-01-15T10:00:00+00:00"}

    page = visit("decisions", **{f"decisions_{name}": at for name, at in part.items()})

    assert "15 Jan 09:00 to 10:00, UTC" in words_of(page)
    page.button(key=Key.DECISIONS_WHOLE).click().run()
    assert "Decisions, last 24 h, UTC." in words_of(page)


@pytest.mark.parametrize("broken", ["yesterday", "2026-01-15T10:00:00", ""])
def test_a_broken_part_in_the_address_is_no_part(visit: Visit, broken: str) -> None:
    page = visit("decisions", decisions_since=broken, decisions_until="2026-01-15T10:00:00Z")

    assert not page.exception
    assert "Decisions, last 24 h, UTC." in words_of(page)


def test_few_events_are_explained_with_their_numbers(visit: Visit) -> None:
    agent = "sample-contract-drafter-for-cross-border-procurement"

    told = words_of(visit("objective", objective="answers-without-error", agent=agent))

    assert "Too few events to judge" in told


def test_money_that_is_not_known_is_never_a_sum(visit: Visit) -> None:
    page = visit("costs")

    told = {metric.label: (metric.value, metric.delta) for metric in page.metric}
    assert told["Spent, 24 h"][0].startswith("at least $")
    assert told["Budgets exceeded"] == ("1", "of 4 budgets")
    budgets = page.dataframe[0].value.set_index("budget")
    assert list(budgets.index) == ["courier-day", "clerk-month", "fleet", "rogue-month"]
    assert budgets.loc["rogue-month", "spent"] == "not measured"
    assert budgets.loc["fleet", "spent"] == "at least $412.00"
    assert budgets.loc["fleet", "left"] == "at most $588.00"
    models = page.dataframe[2].value.set_index("model")
    assert models.loc["llama-on-prem", "spent"] == "not measured"


def test_the_page_about_costs_says_how_old_the_prices_are(visit: Visit) -> None:
    told = " ".join(caption.value for caption in visit("costs").caption)

    assert "Built-in prices were checked on 04 Jan 2026 (" in told
    assert "days ago); the oldest of them are of " in told


def test_what_budgets_did_is_told_with_who_decided(visit: Visit) -> None:
    page = visit("costs")

    steps = page.dataframe[1].value
    states = [state for row in steps["state"] for state in row]
    assert states == ["Declined", "Proposed", "Pushed", "Warned"]
    assert list(steps["step"])[1:3] == ["Stop at 120 %", "Degrade at 100 %"]
    assert steps["hold"][2] == "Acknowledged"
    assert steps["spent"][0] == "at least $912.00"
    assert steps["why"][0] == "ada: a test run"


def test_who_is_not_signed_in_reads_what_budgets_did_in_the_evidence(visit: Visit) -> None:
    page = visit("costs", token=None)

    steps = page.dataframe[1].value
    assert [list(state) for state in steps["state"]] == [["Pushed"]]
    assert steps["spent"][0] == "$20.40"
    assert not [one for one in page.button if "accept" in (one.key or "")]


def test_an_agent_tells_its_budgets_and_those_it_shares(visit: Visit) -> None:
    told = words_of(visit("agent", agent="clerk")).replace("\\", "")

    assert "clerk-month, clerk: $41.50 of $80.00 this month, would end at $89.00" in told
    assert "fleet, all together: at least $412.00 of $1,000 in 30 days" in told


def test_figures_of_the_toolkit_stand_beside_ours_with_why_they_differ(visit: Visit) -> None:
    page = visit("agent", agent="courier")

    table = next(each.value for each in page.dataframe if "toolkit" in each.value.columns)
    told = {row["measure"]: row for row in table.to_dict("records")}
    burn = told["Burn rate"]
    assert (burn["toolkit"], burn["scaled"], burn["ours"]) == ("25,920,000 ×", "10 ×", "10 ×")
    assert told["State"]["ours"] == "At risk"
    assert told["Indicator"]["ours"] == "not measured"
    assert "divides by the budget per second" in words_of(page)
    assert [list(row["agreement"]) for row in told.values()] == [
        ["Differ"],
        ["Agree"],
        ["Differ"],
        ["One side only"],
        ["Agree"],
    ]


def test_an_agent_without_a_toolkit_has_no_card_about_one(visit: Visit) -> None:
    page = visit("agent", agent="clerk")

    assert "What does its toolkit say of it?" not in words_of(page)


def test_what_nobody_registered_stands_first_and_what_is_not_judged_has_no_mark(
    visit: Visit,
) -> None:
    page = visit("inventory")

    told = {metric.label: metric.value for metric in page.metric}
    assert told["Components seen"] == "8"
    assert (told["Unregistered"], told["Missing"], told["Registered"]) == ("2", "1", "2")
    table = page.dataframe[0].value
    assert list(table["standing"].iloc[0]) == ["Unregistered"]
    by_name = table.set_index("name")
    assert by_name.loc["openai"].isna()["standing"]
    assert by_name.loc["gpt-4o", "whom"] == "clerk, courier, gateway and 2 more"


def test_the_inventory_is_narrowed_by_the_address(visit: Visit) -> None:
    table = visit("inventory", inventory_standing="missing").dataframe[0].value

    assert list(table["name"]) == ["claude-haiku-4-5"]


def test_a_refused_file_is_named_where_it_would_count_and_nowhere_else(
    visit: Visit, apis: FakeApis
) -> None:
    apis.fleet.wrong_files = ("budgets.yaml", "identities.jsonl")

    costs, inventory = visit("costs"), visit("inventory")

    [told] = [error.value for error in costs.error]
    assert told.startswith("**budgets\\.yaml, line 4**, is not in force: amount\\_usd\\: expected")
    assert [error.value[:20] for error in inventory.error] == ["**identities\\.jsonl,"]
    assert not visit("coverage").error


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("https://evil.example", "https\\://\u2060evil\\.example"),
        ("WWW.evil.example", "WWW\u2060\\.evil\\.example"),
        ("safe\n===\n    code\n# title", "safe \\=\\=\\= code \\# title"),
        ("\u202eevil\x1b[31m", "\ufffdevil\ufffd\\[31m"),
        ("**b** $x$ :red[y]", "\\*\\*b\\*\\* \\$x\\$ \\:red\\[y\\]"),
        ("größe 🤖", "größe 🤖"),
        ("[x](http://evil)", "\\[x\\]\\(http\\://\u2060evil\\)"),
    ],
)
def test_text_of_others_is_one_line_that_means_nothing(told: str, shown: str) -> None:
    assert plain(told) == shown


def test_a_title_is_text_and_not_longer_than_a_line(visit: Visit) -> None:
    name = "**bold** $x$ " + "x" * 10_000

    [title] = visit("agent", agent=name).title

    assert title.value.startswith("\\*\\*bold\\*\\* \\$x\\$ xxx")
    assert len(title.value) < 100


def test_the_way_back_from_a_trace_names_its_agent_as_text(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = data.trace

    def renamed(*told: str) -> pl.DataFrame:
        return asked(*told).with_columns(agent=pl.lit("**x**"))

    monkeypatch.setattr(data, "trace", renamed)

    page = visit("trace", trace=TRACE_ID)

    assert page.get("page_link")[0].proto.label == "Traces / \\*\\*x\\*\\*"
    assert len(line_of("x" * 10_000)) == LONGEST_TITLE
