"""The cards about money: what agents and models cost, and how budgets stand."""

from __future__ import annotations

import polars as pl
import streamlit as st
from streamlit import column_config as columns

from dashboard import charts, data, words
from dashboard.components import draw, page, tables
from dashboard.data import Window
from dashboard.state import Key

NO_CALLS = "No call of a model in this range."


def tiles(costs: pl.DataFrame, spend: pl.DataFrame) -> None:
    """Four numbers: what is known, what is not, and the budgets that do not hold."""
    calls, unpriced = (int(costs[name].sum()) for name in ("calls", "unpriced_calls"))
    budgets = spend.filter(pl.col("budget").is_not_null())
    exceeded = budgets.filter(pl.col("state") == "exceeded").height
    at_risk = budgets.filter(pl.col("state") == "at_risk").height
    with st.grid(4, min_column_width=150):
        page.number(
            f"Spent, {page.range_words()}",
            words.spent(_known(costs), calls, unpriced),
            words.plural(calls, "call"),
        )
        page.number(
            "Calls without a price",
            words.count(unpriced),
            f"of {words.plural(calls, 'call')}",
            help="Their model has no price, or their tokens were not told: see the table below",
        )
        page.number(
            "Budgets exceeded",
            words.count(exceeded) if budgets.height else words.UNKNOWN,
            f"of {words.plural(budgets.height, 'budget')}" if budgets.height else "no budget",
        )
        page.number(
            "Budgets at risk",
            words.count(at_risk) if budgets.height else words.UNKNOWN,
            "would end above" if at_risk else "at the pace so far",
        )


def _known(costs: pl.DataFrame) -> float | None:
    told = costs["cost_usd"].drop_nulls()
    return float(told.sum()) if told.len() else None


def over_time(costs: pl.DataFrame, key: Key = Key.COSTS_TIME) -> None:
    if costs.is_empty():
        page.nothing(NO_CALLS)
        return
    if not costs["cost_usd"].fill_null(0).sum():
        page.nothing(words.spent(_known(costs), 1, 1).capitalize() + ": no call has a price.")
        return
    draw.chart(charts.cost_bars(costs), key, alt="Cost over time in USD, stacked by agent")


def budgets(spend: pl.DataFrame) -> None:
    """Every budget as a bar, and its numbers."""
    rows = _worst_first(spend.filter(pl.col("budget").is_not_null()))
    if rows.is_empty():
        page.nothing("No budget. Write one into budgets.yaml in the home; docs/costs.md has one.")
        return
    draw.chart(
        charts.budget_bullets(rows),
        Key.COSTS_BUDGETS,
        alt="Share of each budget that is spent, with the projected end of its period",
    )
    told = tables.marked_sample(rows).with_columns(
        tables.worded("state", words.SPEND_STATES),
        pl.col("agent").fill_null("all together"),
        spent=_spent(),
        left=_left(),
        end=_usd("projected_usd"),
        amount=_usd("amount_usd"),
    )
    config = {
        "state": tables.badge("State", words.SPEND_STATES, words.SPEND_COLOURS, width=112),
        "budget": columns.TextColumn("Budget", width=112),
        "agent": columns.TextColumn("Agent", width=92),
        "period": columns.TextColumn("Period", width=64),
        "spent": columns.TextColumn("Spent", width=116, alignment="right"),
        "amount": columns.TextColumn("Budget, $", width=76, alignment="right"),
        "left": columns.TextColumn("Left", width=104, alignment="right"),
        "end": columns.TextColumn("Projected", width=80, alignment="right"),
        **tables.sample_column(told),
    }
    tables.shown(told, config, Key.COSTS_BUDGET_TABLE, alt="Budgets, the worst first")


def age_of_prices() -> None:
    """How old the prices are that come with Watchkeeper."""
    told = words.age_of_prices(data.prices().to_dicts(), page.now())
    if told:
        st.caption(told)


def _worst_first(rows: pl.DataFrame) -> pl.DataFrame:
    order = {state: rank for rank, state in enumerate(words.SPEND_STATES)}
    rank = pl.col("state").replace_strict(order, default=9, return_dtype=pl.Int64)
    return rows.sort(rank, "budget", "agent", nulls_last=True)


def models(costs: pl.DataFrame, key: Key = Key.COSTS_MODELS) -> None:
    """One row a model; what has no price stands first among equals."""
    if costs.is_empty():
        page.nothing(NO_CALLS)
        return
    told = tables.marked_sample(_by(costs, "model", "provider")).with_columns(
        pl.col("model").fill_null("no model told"), spent=_spent()
    )
    config = {
        "model": columns.TextColumn("Model", width=140),
        "provider": columns.TextColumn("Provider", width=80),
        "spent": columns.TextColumn("Cost", width=108, alignment="right"),
        "calls": columns.NumberColumn("Calls", format="localized", width=56),
        "unpriced_calls": columns.NumberColumn("Unpriced", format="localized", width=72),
        "input_tokens": columns.NumberColumn("Tokens in", format="localized", width=80),
        "output_tokens": columns.NumberColumn("Tokens out", format="localized", width=82),
        **tables.sample_column(told),
    }
    tables.shown(told, config, key, alt="Models, the dearest first, with calls and tokens")


def agents(costs: pl.DataFrame) -> None:
    if costs.is_empty():
        page.nothing(NO_CALLS)
        return
    told = tables.marked_sample(_by(costs, "agent")).with_columns(spent=_spent())
    config = {
        "agent": columns.TextColumn("Agent", width=120),
        "spent": columns.TextColumn("Cost", width=108, alignment="right"),
        "calls": columns.NumberColumn("Calls", format="localized", width=56),
        "unpriced_calls": columns.NumberColumn("Unpriced", format="localized", width=72),
        **tables.sample_column(told),
    }
    picked = tables.chosen(told, config, Key.COSTS_AGENTS, alt="Agents, the dearest first")
    if picked is not None:
        st.switch_page("views/agent.py", query_params={"agent": str(told["agent"][picked])})


def of_agent(agent: str, window: Window) -> None:
    """What one agent costs: its budgets' periods, and where it went."""
    spend = data.spend(agent)
    costs = data.costs(window, agent)
    if spend.filter(pl.col("calls") > 0).is_empty() and costs.is_empty():
        page.nothing("No call of a model was told of this agent.")
        return
    for row in _worst_first(spend).to_dicts():
        with st.container(horizontal=True, vertical_alignment="center"):
            if row["state"]:
                st.badge(words.SPEND_STATES[row["state"]], color=words.SPEND_COLOURS[row["state"]])
            st.markdown(page.plain(words.budget_told(row)), width="content")
    over_time(costs, Key.AGENT_COSTS)


def _by(costs: pl.DataFrame, *names: str) -> pl.DataFrame:
    known = pl.col("cost_usd").drop_nulls()
    summed = ("calls", "unpriced_calls", "input_tokens", "output_tokens")
    return (
        costs.group_by(names)
        .agg(
            pl.col("sample").any(),
            *(pl.col(name).sum() for name in summed),
            cost_usd=pl.when(known.len() > 0).then(known.sum()),
        )
        .sort(
            "cost_usd",
            "unpriced_calls",
            *names,
            descending=[True, True, *(False for _ in names)],
            nulls_last=True,
        )
    )


def _spent() -> pl.Expr:
    told = pl.struct("cost_usd", "calls", "unpriced_calls")
    return told.map_elements(
        lambda row: words.spent(row["cost_usd"], row["calls"], row["unpriced_calls"]),
        return_dtype=pl.String,
    )


def _left() -> pl.Expr:
    told = pl.struct("left_usd", "unpriced_calls")
    return told.map_elements(
        lambda row: words.left(row["left_usd"], row["unpriced_calls"]), return_dtype=pl.String
    )


def _usd(name: str) -> pl.Expr:
    return pl.col(name).map_elements(words.usd, return_dtype=pl.String)
