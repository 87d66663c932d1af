"""Control: passes operators' holds to agents, signed, and keeps what came of them.

One process, one SQLite journal, one event loop. It needs neither the collector
nor the dashboard: a stop button must not share their fate.
"""
