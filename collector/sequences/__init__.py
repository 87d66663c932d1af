"""Sequence rules: actions that are harmless one by one and not one after the other.

Rules go in as YAML, actions as values, matches come out. Nothing here reads a clock, a file
or a database.
"""
