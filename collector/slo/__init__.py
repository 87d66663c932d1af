"""Service levels of agents: what was promised, how much may still fail, how fast it goes.

Counts go in, judgements come out. Nothing here reads a clock, a socket or a database.
"""
