"""The vertical timeline of a command; a tick stands only where there is proof."""

from __future__ import annotations

from datetime import datetime
from html import escape

import streamlit as st

from dashboard import words
from dashboard.timeline import Proof, Step

MARKS = {Proof.DONE: "✓", Proof.WAITING: "…", Proof.OPEN: "", Proof.BROKEN: "!"}
SPOKEN = {
    Proof.DONE: "proven",
    Proof.WAITING: "waiting",
    Proof.OPEN: "open",
    Proof.BROKEN: "needs a person",
}
CSS = """<style>
.wk-steps { list-style: none; margin: 0 !important; padding: 0 !important; }
.wk-steps li { position: relative; padding: 0 0 1rem 2.1rem; min-height: 3.1rem; margin: 0; }
.wk-steps li::before { content: ""; position: absolute; left: .62rem; top: 1.45rem; bottom: -.1rem;
  width: 1px; background: light-dark(#C9CED6, #3A404B); }
.wk-steps li:last-child::before { display: none; }
.wk-steps .mark { position: absolute; left: 0; top: .05rem; width: 1.25rem; height: 1.25rem;
  border-radius: 50%; border: 1.5px solid light-dark(#8B8E97, #656D79); display: flex;
  align-items: center; justify-content: center; font-size: .72rem; font-weight: 700; }
.wk-steps .done .mark { border-color: light-dark(#156159, #56EDC0);
  color: light-dark(#156159, #56EDC0); }
.wk-steps .broken .mark { background: light-dark(#B40D0F, #ED2D47);
  border-color: light-dark(#B40D0F, #ED2D47); color: #fff; }
.wk-steps .broken b { color: light-dark(#980B0D, #FF9AA6); }
.wk-steps .open b, .wk-steps .waiting b { font-weight: 500; color: light-dark(#5A5F69, #A7ADB9); }
.wk-steps b { font-weight: 600; }
.wk-steps time { margin-left: .5rem; font-variant-numeric: tabular-nums;
  color: light-dark(#4A515E, #A7ADB9); }
.wk-steps p { margin: .1rem 0 0; color: light-dark(#5A5F69, #A7ADB9); font-size: .93em;
  overflow-wrap: anywhere; }
.wk-steps .spoken { position: absolute; width: 1px; height: 1px; overflow: hidden;
  clip-path: inset(50%); }
</style>"""


def timeline(steps: list[Step]) -> None:
    """The steps, top to bottom."""
    asked = next((step.at for step in steps if step.at), None)
    items = "".join(_item(step, asked) for step in steps)
    st.html(f'{CSS}<ol class="wk-steps">{items}</ol>')


def _item(step: Step, asked: datetime | None) -> str:
    spoken = f'<span class="spoken">{SPOKEN[step.proof]}: </span>'
    mark = f'<span class="mark" aria-hidden="true">{MARKS[step.proof]}</span>'
    return (
        f'<li class="{step.proof}">{mark}{spoken}<b>{escape(step.title)}</b>{_time(step, asked)}'
        f"<p>{escape(step.detail)}</p></li>"
    )


def _time(step: Step, asked: datetime | None) -> str:
    if step.at is None:
        return ""
    later = (step.at - asked).total_seconds() if asked else 0
    since = f" · {words.seconds(later)} later" if later > 0 else ""
    return f"<time>{words.day_clock(step.at)} UTC{since}</time>"
