"""Microsoft's Agent Governance Toolkit: its spans, audit logs and counters.

One evaluation may be told as a span, as an audit log, as a CloudEvent inside that log and
as a counter. Spans and logs are the events. Counters are read only where nothing else
tells of the evaluation: `mcp_decisions`, `acs_intervention_*_total` and .NET's
`agent_governance.policy_decisions`.

- A span tells at most one decision, and its id is the span's. `agt.policy.evaluate`
  counts only with `agt.policy.action`: another emitter uses the same name for timing.
- A log's id is that of its event (CloudEvent, audit entry), else a hash of its content.
- Unit i of a counter has the id (series, start, i), so that a cumulative counter sent
  again tells nothing new.
- What is no verdict (a ring, a kill, a signal, an incident) becomes a governance event. Some
  are told by an audit entry, a line, a span and an event on a span; all are kept, and the
  view shows the best of them.
- A line of the MCP gateway is a decision, and `mcp_decisions` counts the same ones. The store
  keeps the lines, of each sender, agent, tool and verdict that is told by lines.
- A mesh audit entry repeats, without a common id, what a `mesh.governance.*` span said.
  Its dialect is `agt_copy`; the store lets it give way to the span.
- `warn` and `log` block in agentmesh's policy engine and do not elsewhere, so verdict and
  effect are set apart. The status of a span never tells of a denial.
- Scores come on 0-1 and on 0-1000. What is above 1 is on 0-1000; what is not is on 0-1,
  unless it is an integer or comes from a scope that only knows 0-1000.
"""

from __future__ import annotations

from collector.receive.normalise.agt.audit import facts_of_audit, logged_ns
from collector.receive.normalise.agt.counters import MOST_UNITS, facts_of_metric, tells
from collector.receive.normalise.agt.lines import SCOPES
from collector.receive.normalise.agt.lines import facts as facts_of_line
from collector.receive.normalise.agt.spans import SPAN_MARKERS, facts_of_span
from collector.receive.normalise.agt.sre import NESTED, READERS
from collector.receive.normalise.agt.words import DIALECT, KERNEL, KEYS, op_of, tool_of

__all__ = [
    "DIALECT",
    "KERNEL",
    "KEYS",
    "MOST_UNITS",
    "NESTED",
    "READERS",
    "SCOPES",
    "SPAN_MARKERS",
    "facts_of_audit",
    "facts_of_line",
    "facts_of_metric",
    "facts_of_span",
    "logged_ns",
    "op_of",
    "tells",
    "tool_of",
]
