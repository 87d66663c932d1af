"""Redaction: what must not reach the disk is taken out of a request before it is logged.

    policy.py     what an operator wants redacted, from `redaction.yaml` in the home
    patterns.py   secrets that have a shape: e-mail addresses, cards, keys, tokens
    text.py       one text, with JSON inside it and with tricks of writing
    content.py    where the dialects keep what was said to and by models
    messages.py   every string of a request, wherever it sits

Patterns run in RE2, in time linear in the text, whatever a sender writes.
"""

from __future__ import annotations

from collector.receive.redaction.messages import Redactor
from collector.receive.redaction.policy import Policy, read_policy, redactor_of

__all__ = ["Policy", "Redactor", "read_policy", "redactor_of"]
