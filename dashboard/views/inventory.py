"""Inventory: what are the agents made of, and did anybody register it?"""

from __future__ import annotations

import streamlit as st

from dashboard import data, words
from dashboard.components import filters, inventory, page
from dashboard.state import Url

page.opened("Inventory")
page.refused_files("inventory.yaml", "identities.jsonl")
every = data.inventory()
if every.is_empty():
    page.nothing("Nothing was seen yet. Components appear with the first action of an agent.")
    page.footer()
    st.stop()
inventory.tiles(every)
with st.container(horizontal=True, vertical_alignment="bottom", key="inventory_filters"):
    kind = filters.one_of("Kind", words.COMPONENTS, Url.INVENTORY_KIND)
    standing = filters.one_of("Standing", words.STANDINGS, Url.INVENTORY_STANDING)
    agent = filters.one_agent(data.fleet(data.window(data.RANGES["28d"])), Url.INVENTORY_AGENT)
rows = data.inventory(kind, standing, agent)
with page.section(
    "What are the agents made of?",
    "As their telemetry tells, against the inventory.yaml of the home.",
):
    inventory.listing(rows)
    inventory.export(rows)
st.caption(
    "Telemetry carries no signature of a tool or model: a signer is what the inventory names. "
    "A kind that has no list in it is not judged."
)
page.footer()
