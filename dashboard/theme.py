"""Ten colour roles; a chart names a role and the reader's theme gives it a colour.

Light and dark values live in `.streamlit/config.toml`, in the order of ROLES.
Because the browser resolves the role, a switch of theme recolours a chart in
place.
"""

from __future__ import annotations

import copy
from typing import Any

ROLES = (
    "accent",
    "ok",
    "warn",
    "crit",
    "violet",
    "muted",
    "ink",
    "surface",
    "faint",
    "accent2",
)
SCALE = {"domain": list(ROLES), "range": "category"}
COLOUR_CHANNELS = ("color", "fill", "stroke")

CSS = """<style>
.stMainBlockContainer { padding-top: 2.2rem; padding-bottom: 2rem; max-width: 1360px;
  padding-left: 2.6rem; padding-right: 2.6rem; }
.stAppHeader { background: transparent; height: 2.4rem; pointer-events: none; }
.stAppHeader * { pointer-events: none; }
.stAppHeader button, .stAppHeader button * { pointer-events: auto; }
[class*="st-key-danger"] button:not(:disabled) {
  background: light-dark(#B40D0F, #C41F38); border-color: light-dark(#B40D0F, #C41F38);
  color: #fff; }
[class*="st-key-danger"] button:not(:disabled):hover {
  background: light-dark(#8F0A0C, #A8182E); border-color: light-dark(#8F0A0C, #A8182E);
  color: #fff; }
.st-key-page_alarm [data-testid="stAlert"] { font-weight: 600; }
.stMetric [data-testid="stMetricValue"] { font-variant-numeric: tabular-nums; }
.st-key-page_up a { padding-left: 0; }
.st-key-page_up { margin-bottom: -.7rem; }
.stHtml a { color: light-dark(#1259C3, #77AEFC); text-decoration: none; font-weight: 500; }
.stHtml a:hover { text-decoration: underline; }
@media (max-width: 1180px) {
  .stMain .stHorizontalBlock:has(> .stColumn) { flex-wrap: wrap; row-gap: 1rem; }
  .stMain .stColumn { min-width: 100%; }
}
[data-testid="stCaptionContainer"] code { color: inherit; background: none; }
.st-key-page_footer { margin-top: 1.2rem; }
.stMain button[data-variant="segmented_control"][aria-checked="true"] p {
  color: light-dark(#1259C3, #8CBCFD) !important; }
</style>"""


def themed(spec: dict[str, Any], legend: dict[str, Any] | None = None) -> dict[str, Any]:
    """The spec with every role colour tied to the theme's palette.

    All users of the scale get the same legend: one layer with none would
    remove it for all.
    """
    finished = copy.deepcopy(spec)
    _tie(finished, legend)
    return finished


def _tie(node: Any, legend: dict[str, Any] | None) -> None:
    if isinstance(node, list):
        for child in node:
            _tie(child, legend)
    if isinstance(node, dict):
        for channel in COLOUR_CHANNELS:
            shared = legend if channel == "color" else None
            _tie_channel(node.get("encoding", {}).get(channel), shared)
        for child in node.values():
            _tie(child, legend)


def _tie_channel(channel: Any, legend: dict[str, Any] | None) -> None:
    if not isinstance(channel, dict):
        return
    names_role = channel.get("datum") in ROLES or str(channel.get("field", "")).endswith("role")
    if names_role:
        channel["scale"] = SCALE
        channel["legend"] = legend
    condition = channel.get("condition")
    if isinstance(condition, dict) and "datum" in condition:
        condition["scale"] = SCALE
        condition["legend"] = legend


def legend_of(names: dict[str, str]) -> dict[str, Any]:
    """A legend for some roles, each under the word the reader knows."""
    words = "{" + ",".join(f"'{role}':'{word}'" for role, word in names.items()) + "}"
    return {
        "values": list(names),
        "labelExpr": f"{words}[datum.value]",
        "orient": "top",
        "direction": "horizontal",
        "title": None,
        "symbolType": "square",
        "symbolOpacity": 1,
        "labelLimit": 220,
        "offset": 8,
    }
