"""What a sequence rule may say, and how a wrong one is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest

from collector.model import ActionKind, Outcome
from collector.sequences.read import read_rules
from collector.sequences.rule import Scope, Severity
from collector.slo.marked import Refusal

RULE = """\
apiVersion: watchkeeper.dev/v1
kind: SequenceRule
metadata:
  name: secret-then-send
  displayName: A secret leaves
spec:
  description: An agent that read a secret may not send anything outward in the same conversation.
  severity: high
  scope: conversation
  within: 1h
  agents: [clerk*]
  steps:
    - title: reads a secret
      kinds: tool
      names: [read_secret, vault_*]
    - title: sends outward
      names: ["http_*"]
      outcomes: [ok, denied]
  unless:
    - title: asked a person
      names: ask_approval
"""


def test_a_rule_says_who_does_what_in_which_order_and_how_soon() -> None:
    [rule] = read_rules(RULE)

    assert (rule.name, rule.display_name) == ("secret-then-send", "A secret leaves")
    assert (rule.severity, rule.scope) == (Severity.HIGH, Scope.CONVERSATION)
    assert rule.within == timedelta(hours=1)
    assert rule.agents == ("clerk*",)
    assert rule.steps[0].kinds == (ActionKind.TOOL,)
    assert rule.steps[0].names == ("read_secret", "vault_*")
    assert Outcome.DENIED not in rule.steps[0].outcomes
    assert rule.steps[1].outcomes == (Outcome.OK, Outcome.DENIED)
    assert rule.unless[0].names == ("ask_approval",)


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ("within: 1h", "within: 31d", 10, "expected at most 30d"),
        ("within: 1h", "within: soon", 10, "such as 30d"),
        ("severity: high", "severity: grave", 8, "expected one of critical, high"),
        ("scope: conversation", "scope: fleet", 9, "expected one of conversation, agent"),
        ("kinds: tool", "kinds: tools", 14, "expected one of model, tool"),
        ("- title: sends outward", "- titel: sends outward", 16, "not a known field"),
        ("kind: SequenceRule", "kind: Rule", 2, "expected SequenceRule"),
        ("name: secret-then-send", "name: Secret", 4, "lower-case letters"),
    ],
)
def test_a_wrong_rule_is_refused_with_its_line(old: str, new: str, line: int, reason: str) -> None:
    text = RULE.replace(old, new, 1)
    with pytest.raises(Refusal) as refusal:
        read_rules(text)

    assert refusal.value.line == line
    assert reason in refusal.value.reason


def test_a_step_that_fits_everything_is_refused() -> None:
    text = RULE.replace("      kinds: tool\n      names: [read_secret, vault_*]\n", "")

    with pytest.raises(Refusal, match="fits everything"):
        read_rules(text)


def test_two_rules_of_one_name_are_refused() -> None:
    with pytest.raises(Refusal, match="there twice"):
        read_rules(f"{RULE}---\n{RULE}")


def test_eleven_steps_are_refused() -> None:
    step = "    - {title: more, names: [x]}\n"

    with pytest.raises(Refusal, match="1 to 10 steps, got 12"):
        read_rules(RULE.replace("  unless:", f"{step * 10}  unless:"))


def test_a_rule_that_multiplies_its_patterns_is_refused() -> None:
    many = ", ".join(f"tool-{number}" for number in range(50))
    text = RULE.replace("[clerk*]", f"[{many}]").replace("[read_secret, vault_*]", f"[{many}]")

    with pytest.raises(Refusal, match="at most 1,000 combinations of agents, names and models"):
        read_rules(text)
