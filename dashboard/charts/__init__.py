"""Pictures of evidence: rows in, a Vega-Lite chart out. Nothing here asks or draws.

Colours are the roles of `theme`, times are UTC, and what the reader points at is spelled out
in a ready-made `tip`, since the browser would print it in local time.
"""

from __future__ import annotations

from dashboard.charts import agent, budget, costs, fleet, happenings, intake, trace
from dashboard.charts.agent import activity_bars, trust_ribbon
from dashboard.charts.budget import burn_down, burn_row, fired, spent_bars
from dashboard.charts.common import MOST_MARKS, Spec, shortened
from dashboard.charts.costs import budget_bullets, cost_bars
from dashboard.charts.fleet import denied_heat, heat_step, verdict_bars
from dashboard.charts.happenings import event_lanes
from dashboard.charts.intake import intake_bars
from dashboard.charts.trace import waterfall

__all__ = [
    "MOST_MARKS",
    "Spec",
    "activity_bars",
    "budget_bullets",
    "build_all",
    "burn_down",
    "burn_row",
    "cost_bars",
    "denied_heat",
    "event_lanes",
    "fired",
    "heat_step",
    "intake_bars",
    "shortened",
    "spent_bars",
    "trust_ribbon",
    "verdict_bars",
    "waterfall",
]


def build_all() -> None:
    """Build every specification, so that no visitor waits for one."""
    for part in (agent, budget, costs, fleet, happenings, intake, trace):
        part.build()
