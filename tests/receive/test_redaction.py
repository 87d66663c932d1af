"""Redaction: nothing that must go stays, wherever it sits and however it is written."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from planting import every_place, planted

from collector.errors import ConfigurationError
from collector.receive.redaction import Redactor, read_policy, redactor_of
from collector.receive.redaction.messages import Action, KeyRule
from collector.receive.redaction.patterns import CATALOGUE

EVERYTHING = Redactor(
    [], tuple(CATALOGUE.values()), keep_content=False, key=b"a key of thirty-two bytes, really"
)
SECRETS = {
    "email": "alice@example.com",
    "card": "4111 1111 1111 1111",
    "iban": "DE89370400440532013000",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0",
    "aws_key": "AKIAIOSFODNN7EXAMPLE",
    "github_token": "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "gitlab_token": "glpat-1a2b3c4d5e6f7g8h9i0j",
    "slack_token": "xoxb-123456789012-abcdefABCDEF",
    "api_key": "sk-ant-api03-abcDEF123456789_-xyz",
    "stripe_key": "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
    "google_key": "AIzaSyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY",
    "hugging_face_token": "hf_abcdefghij1234567890abcdefghij1234",
    "watchkeeper_token": "wk_ingest_0123456789abcdefghijABCDEFGHIJ",
    "bearer": "Bearer abcdefghijklmnop1234",
    "url_password": "postgres://user:hunter2@db.local/x",
    "private_key": "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----",
}


def redacted(text: str) -> str:
    return EVERYTHING.text(text)


def wide(text: str) -> str:
    """In the full-width letters that East Asian keyboards offer."""
    return "".join(chr(ord(letter) + 0xFEE0) for letter in text)


def test_every_pattern_has_a_secret_here() -> None:
    assert SECRETS.keys() == CATALOGUE.keys()


@pytest.mark.parametrize(("name", "secret"), SECRETS.items(), ids=list(SECRETS))
def test_a_secret_is_masked_under_its_name_and_the_rest_is_kept(name: str, secret: str) -> None:
    told = redacted(f"before {secret} after")

    assert f"[redacted:{name}]" in told
    assert told.startswith("before ") and told.endswith(" after")
    assert secret not in told and "hunter2" not in told and "MIIEow" not in told


@pytest.mark.parametrize(
    "text",
    [
        "risk-averse-management-of-things",
        "sk-learn-pipeline-of-all-trees",
        "order 4111 1111 1111 1112",
        "1764061200000000000",
        "550e8400-e29b-41d4-a716-446655440000",
        "0af7651916cd43dd8448eb211c80319c",
        "a @ b, user@host without a dot",
        "DE00370400440532013000",
        "the bearer of this letter is a friend",
        "100% of 20%25 off",
        '{"temperature":0.5,"list":[1,2,{"x":null}]}',
        "2026-01-15T12:00:00.000000Z",
        "https://example.com:8080/path?q=1",
    ],
)
def test_what_only_looks_like_a_secret_is_left_alone(text: str) -> None:
    assert redacted(text) == text


@pytest.mark.parametrize(
    "hidden",
    [
        wide("alice@example.com"),
        "alice﹫example.com",
        "al\u200bice\u2060@exa\u00admple.com",
        "alice%40example.com",
        "alice%2540example.com",
        "alice\\u0040example.com",
        "alice&#64;example.com",
        "alice&#x40;example&period;com",
        "alice\\x40example.com",
        "\U000e0061alice@\U000e0062example.\ufe0fcom",
        wide("4111") + " 1111 1111 1111",
        "٤١١١١١١١١١١١١١١١",
        "4111\u200d1111\u200d1111\u200d1111",
        "4111\u00a01111\u00a01111\u00a01111",
        wide("AKIA") + "IOSFODNN7EXAMPLE",
    ],
)
def test_a_secret_hidden_by_its_writing_takes_the_whole_text_with_it(hidden: str) -> None:
    assert redacted(f"x {hidden} y").startswith("[redacted:")


def test_json_inside_text_inside_json_is_cleaned_and_stays_json() -> None:
    inner = json.dumps({"to": "alice@example.com", "n": 1.5})
    outer = json.dumps({"call": inner, "card": 4111111111111111, "list": [inner]})

    document = json.loads(redacted(outer))

    assert json.loads(document["call"]) == {"to": "[redacted:email]", "n": 1.5}
    assert document["card"] == "[redacted:card]"
    assert json.loads(document["list"][0])["to"] == "[redacted:email]"


def test_json_escapes_do_not_hide_and_neither_does_a_repeated_member() -> None:
    assert "example.com" not in redacted('{"to": "alice\\u0040example.com"}')
    rule = Redactor([KeyRule("password", Action.MASK)])

    told = rule.text('{"password": "hunter2", "password": "x", "PassWord": "hunter3", "n": 1}')

    assert "hunter" not in told and json.loads(told)["n"] == 1


@pytest.mark.parametrize(
    ("signal", "path"),
    every_place(),
    ids=lambda value: value if isinstance(value, str) else ".".join(value),
)
def test_no_field_of_the_protocol_lets_a_secret_through(signal: str, path: tuple[str, ...]) -> None:
    for secret in ("alice@example.com", "a@b.example.comm"):
        request = planted(signal, path, secret)
        assert secret.encode() in request.SerializeToString()

        assert secret.encode() not in EVERYTHING.redacted(request)


@given(before=st.text(), secret=st.sampled_from(list(SECRETS.values())), after=st.text())
def test_whatever_stands_around_a_secret_does_not_save_it(
    before: str, secret: str, after: str
) -> None:
    assert secret not in redacted(f"{before} {secret} {after}")


@given(st.text())
def test_redacting_again_changes_nothing(text: str) -> None:
    assert redacted(redacted(text)) == redacted(text)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_a_secret_in_any_json_text_goes_and_the_text_stays_json(document: Any) -> None:
    text = json.dumps({"document": document, "to": "alice@example.com"})

    told = redacted(text)

    assert "example.com" not in told
    if told[0] == "{":
        assert json.loads(told)["to"] == "[redacted:email]"


def test_what_the_library_does_not_know_is_thrown_away() -> None:
    unknown = b"\xaa\x06\x11alice@example.com" + b"\xb2\x06\x06hidden"

    assert EVERYTHING.redacted(ExportTraceServiceRequest.FromString(unknown)) == b""


def test_an_earlier_value_of_a_repeated_field_does_not_survive() -> None:
    name_twice = b"\x2a\x11alice@example.com\x2a\x04safe"
    wrapped = b"\x12" + bytes([len(name_twice)]) + name_twice
    scope = b"\x12" + bytes([len(wrapped)]) + wrapped
    body = b"\x0a" + bytes([len(scope)]) + scope

    told = EVERYTHING.redacted(ExportTraceServiceRequest.FromString(body))

    assert b"safe" in told and b"alice" not in told


def test_an_id_made_of_text_is_no_id_any_more() -> None:
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add()
    span.trace_id, span.span_id = b"al@example.co.uk", b"12345678"

    EVERYTHING.redacted(request)

    assert span.trace_id == bytes(16) and span.span_id == b"12345678"


def test_a_clean_request_keeps_every_byte_but_the_unknown_ones() -> None:
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add(name="invoke_agent clerk")
    span.attributes.add(key="n").value.double_value = 0.1
    before = request.SerializeToString(deterministic=True)

    assert EVERYTHING.redacted(request) == before


# --- keys ---------------------------------------------------------------------------------


def attributes(**values: str) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add()
    for key, text in values.items():
        span.attributes.add(key=key.replace("__", ".")).value.string_value = text
    return request


def told(redactor: Redactor, request: ExportTraceServiceRequest) -> tuple[dict[str, str], int]:
    kept = ExportTraceServiceRequest.FromString(redactor.redacted(request))
    span = kept.resource_spans[0].scope_spans[0].spans[0]
    pairs = {pair.key: pair.value.string_value for pair in span.attributes}
    return pairs, span.dropped_attributes_count


def test_a_key_is_dropped_masked_or_hashed_whatever_its_case_or_depth() -> None:
    redactor = Redactor(
        [
            KeyRule("http.request.header.*", Action.DROP),
            KeyRule("user.name", Action.MASK),
            KeyRule("user.id", Action.HASH),
        ],
        key=b"k" * 32,
    )
    request = attributes(
        http__request__header__cookie="c", User__Name="Alice", user__id="7", other="o"
    )
    nested = request.resource_spans[0].scope_spans[0].spans[0].attributes.add(key="map").value
    nested.kvlist_value.values.add(key="user.name").value.int_value = 5

    kept, dropped = told(redactor, request)

    assert dropped == 1 and kept["other"] == "o" and kept["User.Name"] == "[redacted:key]"
    assert kept["user.id"].startswith("[redacted:hash:")
    [inner] = nested.kvlist_value.values
    assert inner.value.string_value == "[redacted:key]"


def test_hashes_join_equal_values_and_depend_on_the_key() -> None:
    def hashed(key: bytes, value: str) -> str:
        redactor = Redactor([KeyRule("user.id", Action.HASH)], key=key)
        return told(redactor, attributes(user__id=value))[0]["user.id"]

    assert hashed(b"k", "7") == hashed(b"k", "7")
    assert len({hashed(b"k", "7"), hashed(b"k", "8"), hashed(b"other", "7")}) == 3


def test_a_rule_for_every_key_applies_to_every_key() -> None:
    kept, dropped = told(Redactor([KeyRule("*", Action.DROP)]), attributes(a="x", b="y"))

    assert kept == {} and dropped == 2


# --- message content ----------------------------------------------------------------------

SAID = "what the customer said"


@pytest.mark.parametrize(
    "key",
    [
        "gen_ai.input.messages",
        "gen_ai.output.messages",
        "gen_ai.system_instructions",
        "gen_ai.tool.call.arguments",
        "gen_ai.tool.call.result",
        "gen_ai.prompt.0.content",
        "gen_ai.completion.0.content",
        "input.value",
        "output.value",
        "llm.input_messages.3.message.content",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments",
        "traceloop.entity.input",
        "gcp.vertex.agent.llm_request",
        "prompt",
    ],
)
def test_no_dialects_message_content_is_kept(key: str) -> None:
    quiet = Redactor(keep_content=False)

    kept, _ = told(quiet, attributes(**{key: SAID, "gen_ai.prompt.name": "billing-v2"}))

    assert kept == {key: "[redacted:message_content]", "gen_ai.prompt.name": "billing-v2"}


@pytest.mark.parametrize("by_attribute", [False, True])
def test_the_messages_of_events_are_not_kept_on_logs_and_spans(by_attribute: bool) -> None:
    quiet = Redactor(keep_content=False)
    logs = ExportLogsServiceRequest()
    log = logs.resource_logs.add().scope_logs.add().log_records.add()
    log.body.kvlist_value.values.add(key="content").value.string_value = SAID
    if by_attribute:
        log.attributes.add(key="event.name").value.string_value = "gen_ai.user.message"
    else:
        log.event_name = "gen_ai.user.message"
    spans = attributes()
    event = spans.resource_spans[0].scope_spans[0].spans[0].events.add(name="gen_ai.choice")
    event.attributes.add(key="index").value.int_value = 0
    event.attributes.add(key="message").value.string_value = SAID

    assert SAID.encode() not in quiet.redacted(logs)
    assert log.body.string_value == "[redacted:message_content]"
    assert SAID.encode() not in quiet.redacted(spans)
    assert event.attributes[0].value.int_value == 0


def test_other_log_bodies_stay() -> None:
    logs = ExportLogsServiceRequest()
    logs.resource_logs.add().scope_logs.add().log_records.add().body.string_value = "started"

    assert b"started" in Redactor(keep_content=False).redacted(logs)


def test_what_was_redacted_is_counted_by_reason() -> None:
    redactor = Redactor([KeyRule("user.id", Action.DROP)], tuple(CATALOGUE.values()))

    redactor.redacted(attributes(user__id="7", note="alice@example.com, bob@example.com"))

    assert redactor.counts == {"key": 1, "email": 2}


# --- hostile ------------------------------------------------------------------------------

HOSTILE = {
    "at signs": "a@" * 64,
    "dots": "a@b" + "." * 125,
    "digits": "4111 " * 25 + "111",
    "one digit": "1 " * 64,
    "letters": "a" * 128,
    "iban": "AA00" * 32,
    "keys": "sk-" * 42 + "aa",
    "begin": "-----BEGIN PRIVATE KEY-----ab" * 4,
    "jwt": "eyJaaaaaa." * 12,
    "percent": "%25" * 42 + "25",
    "combining": "\u0301\u0323" * 64,
    "zero width": "\u200b" * 128,
    "brackets": "[" * 64 + "]" * 64,
    "quotes": '{"a":"' + '\\"' * 60 + '"}',
    "mails": "a@b.co " * 18,
}


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=list(HOSTILE))
def test_the_work_for_hostile_text_grows_like_its_length(hostile: str) -> None:
    """Sixteen times the text may cost 64 times the work; quadratic work would be 256 times."""

    def seconds(quarters: int) -> float:
        text = hostile * (quarters * 256 * 1024 // len(hostile.encode()))
        began = time.thread_time()
        redacted(text)
        return time.thread_time() - began

    seconds(1)
    small = seconds(1)

    assert seconds(16) < 16 * 4 * max(small, 0.001)


# --- the file -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- a", "expected a mapping"),
        ("atributes: []", "expected one of attributes"),
        ("attributes: [{key: a, action: burn}]", "action is drop, mask, hash, got 'burn'"),
        ("attributes: [{action: drop}]", "key is an attribute key"),
        ("patterns: [emial]", "patterns are private_key"),
        ("own_patterns: [{name: x, regex: '('}]", "is not an RE2 expression"),
        ("own_patterns: [{name: x, regex: 'a*'}]", "must not match an empty text"),
        ("own_patterns: [{name: email, regex: a}]", "a new name"),
        ("message_content: some", "keep or none"),
        ("attributes: [", "is not YAML"),
    ],
)
def test_a_mistake_in_the_file_is_named_with_its_place(
    tmp_path: Path, text: str, words: str
) -> None:
    file = tmp_path / "redaction.yaml"
    file.write_text(text)

    with pytest.raises(ConfigurationError, match=words) as caught:
        read_policy(file)
    assert str(file) in str(caught.value)


def test_without_a_file_or_a_rule_nothing_is_redacted(tmp_path: Path) -> None:
    file, key = tmp_path / "redaction.yaml", tmp_path / "redaction.key"
    assert redactor_of(file, key) is None
    file.write_text("message_content: keep\n")

    assert redactor_of(file, key) is None


def test_own_patterns_and_a_lasting_key(tmp_path: Path) -> None:
    file, key = tmp_path / "redaction.yaml", tmp_path / "redaction.key"
    file.write_text(
        "attributes: [{key: user.id, action: hash}]\n"
        "patterns: [email]\n"
        "own_patterns: [{name: employee, regex: 'EMP-[0-9]{6}'}]\n"
    )
    first, again = redactor_of(file, key), redactor_of(file, key)

    assert first is not None and again is not None
    assert first.text("EMP-123456, a@b.co, 4111111111111111") == (
        "[redacted:employee], [redacted:email], 4111111111111111"
    )
    assert told(first, attributes(user__id="7")) == told(again, attributes(user__id="7"))
    assert key.stat().st_mode & 0o777 == 0o600
