"""Regulation as data: provisions, controls, and the queries that evidence them."""
