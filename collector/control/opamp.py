"""OpAMP: how an instance asks for its control document and answers to it.

One request is one AgentToServer message, treated in these steps:

 1. the body is bounded, inflated and parsed       else 400 or 413
 2. instance_uid has 16 bytes                      else 400
 3. the secret is the one first seen with it       else 401
 4. what the instance says of itself is kept; the name of its agent never changes
 5. its answer to the last document is kept
 6. a message was missed, or nothing is known: it is asked for its full state
 7. the document it has not answered is handed out, at once or as soon as there is one
"""

from __future__ import annotations

import asyncio
import json
import unicodedata
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from google.protobuf.message import DecodeError
from opentelemetry._opamp.proto import opamp_pb2 as opamp

from collector.control.authority import digest, is_same
from collector.control.documents import Document
from collector.control.journal import Journal, Row
from collector.control.moments import Clock, stamp
from collector.control.plane import Acknowledgement, Plane
from collector.control.presence import Listener, Presence
from collector.control.refusal import Refusal

MOST_BYTES = 1 << 20
MOST_INSTANCES = 10_000
MOST_ATTRIBUTES = 128
MOST_HOLDS = 1000
LONGEST_TEXT = 256
LONGEST_HOOKS = 1024
SECRET_LENGTHS = range(16, 513)
WAIT_S = 20.0
RESEND = timedelta(seconds=1)
CAPABILITY = "dev.watchkeeper.agentcontrol/v1"
CONFIG = "watchkeeper"
CONTENT_TYPE = "application/jose"
# With these one agent's name could be shown as another's.
TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_CAPABILITIES = (
    opamp.ServerCapabilities_AcceptsStatus
    | opamp.ServerCapabilities_OffersRemoteConfig
    | opamp.ServerCapabilities_AcceptsEffectiveConfig
)


@dataclass(frozen=True)
class Description:
    """What an instance says of itself."""

    agent: str | None
    service: str | None
    service_instance: str | None
    framework: str | None
    hooks: str
    pid: int | None
    sample: bool


def inflated(body: bytes, encoding: str) -> bytes:
    """A body without its gzip, never more than MOST_BYTES of it."""
    if encoding in ("", "identity"):
        return body
    if encoding != "gzip":
        raise _bad(f"expected content-encoding gzip or none, got {encoding!r:.40}", status=415)
    inflator = zlib.decompressobj(wbits=31)
    try:
        plain = inflator.decompress(body, MOST_BYTES + 1)
    except zlib.error:
        raise _bad("the body is not gzip") from None
    if len(plain) > MOST_BYTES:
        raise too_large()
    if not inflator.eof:
        raise _bad("the gzip body ends too early")
    return plain


def too_large() -> Refusal:
    return Refusal(413, "too_large", f"expected at most {MOST_BYTES} bytes")


def parsed(body: bytes) -> Any:
    """An AgentToServer message with a usable instance_uid."""
    try:
        message = opamp.AgentToServer.FromString(body)
    except DecodeError:
        raise _bad("the body is not an AgentToServer message") from None
    if len(message.instance_uid) != 16:
        raise _bad(f"instance_uid: expected 16 bytes, got {len(message.instance_uid)}")
    return message


def described(message: Any) -> Description:
    """The attributes that control knows, held to their types and lengths."""
    description = message.agent_description
    said = [*description.identifying_attributes, *description.non_identifying_attributes]
    if len(said) > MOST_ATTRIBUTES:
        raise _bad(f"expected at most {MOST_ATTRIBUTES} attributes, got {len(said)}")
    known = {attribute.key: attribute.value for attribute in said}
    service = _text(known, "service.name")
    return Description(
        agent=_text(known, "gen_ai.agent.name") or service,
        service=service,
        service_instance=_text(known, "service.instance.id"),
        framework=_text(known, "watchkeeper.framework"),
        hooks=_text(known, "watchkeeper.hooks", LONGEST_HOOKS) or "",
        pid=_pid(known),
        sample=known["watchkeeper.sample"].bool_value if "watchkeeper.sample" in known else False,
    )


def _text(known: Mapping[str, Any], name: str, longest: int = LONGEST_TEXT) -> str | None:
    text = known[name].string_value if name in known else ""
    if len(text) > longest or not _is_plain(text):
        raise _bad(f"{name}: expected at most {longest} characters, none of them control ones")
    return text or None


def _is_plain(text: str) -> bool:
    """Without control characters, and without those that turn the direction of writing around."""
    return not any(unicodedata.category(letter) == "Cc" or letter in TURNING for letter in text)


def _pid(known: Mapping[str, Any]) -> int | None:
    pid = int(known["process.pid"].int_value) if "process.pid" in known else 0
    return pid if 0 < pid < 1 << 32 else None


def told(message: Any) -> Acknowledgement | None:
    """The custom message `ack`, if there is one."""
    custom = message.custom_message
    if custom.capability != CAPABILITY or custom.type != "ack":
        return None
    try:
        value = json.loads(custom.data)
    except (ValueError, RecursionError):
        raise _bad("the custom message ack is not JSON") from None
    if not isinstance(value, dict):
        raise _bad("the custom message ack is not a JSON object")
    return Acknowledgement(
        effective_mode=_short(value.get("effective_mode")),
        hooks=_hooks(value.get("hooks")),
        holds=frozenset(_hold_ids(value.get("holds"))),
    )


def _short(value: Any, longest: int = 64) -> str | None:
    is_text = isinstance(value, str) and 1 <= len(value) <= longest
    return value if is_text and _is_plain(value) and value.isascii() else None


def _hooks(value: Any) -> str | None:
    names = value if isinstance(value, list) else []
    return ",".join(filter(None, (_short(name) for name in names[:32]))) or None


def _hold_ids(value: Any) -> Iterable[str]:
    names = list(value)[:MOST_HOLDS] if isinstance(value, dict) else []
    return (name for name in names if _short(name))


def _bad(message: str, status: int = 400) -> Refusal:
    return Refusal(status, "bad_request", message)


class Opamp:
    """Answers the requests of instances."""

    def __init__(self, journal: Journal, plane: Plane, presence: Presence, clock: Clock) -> None:
        self._journal = journal
        self._plane = plane
        self._presence = presence
        self._clock = clock

    async def answer(
        self, message: Any, secret: str, wait_s: float, gone: asyncio.Future[None]
    ) -> Any:
        """The ServerToAgent message for one request; held until there is something to say."""
        uid = str(UUID(bytes=message.instance_uid))
        instance = self._admitted(uid, secret, message)
        if instance is None:
            return reply(uid, flags=opamp.ServerToAgentFlags_ReportFullState)
        listener = self._presence.arrive(uid)
        if message.HasField("agent_disconnect"):
            listener.is_gone = True
            return reply(uid)
        self._note(listener, message)
        return await self._next(instance, listener, message, wait_s, gone)

    # Steps 3 and 4

    def _admitted(self, uid: str, secret: str, message: Any) -> Row | None:
        """The instance behind a request; None when it must first describe itself."""
        if len(secret) not in SECRET_LENGTHS:
            raise Refusal(401, "no_secret", "expected a bearer secret of 16 to 512 characters")
        has_description = message.HasField("agent_description")
        description = described(message) if has_description else None
        instance = self._journal.row("find_instance", instance_uid=uid)
        if instance is None:
            return self._welcomed(uid, secret, description) if description else None
        if not is_same(instance["secret_hash"], digest(secret)):
            raise Refusal(401, "wrong_secret", "this instance_uid belongs to another secret")
        return self._described(instance, description) if description else instance

    def _welcomed(self, uid: str, secret: str, description: Description) -> Row:
        if self._journal.number("count_instances") >= MOST_INSTANCES:
            raise Refusal(503, "full", f"there are already {MOST_INSTANCES} instances")
        if description.agent is None:
            raise _bad("expected the attribute gen_ai.agent.name or service.name")
        now = stamp(self._clock())
        with self._journal.transaction():
            self._journal.change(
                "add_instance", instance_uid=uid, secret_hash=digest(secret), now=now
            )
            self._journal.change("describe_instance", instance_uid=uid, **vars(description))
        return self._instance(uid)

    def _described(self, instance: Row, description: Description) -> Row:
        if description.agent not in (None, instance["agent"]):
            raise _bad(f"this instance is the agent {instance['agent']}: it cannot become another")
        said = {**vars(description), "agent": instance["agent"]}
        if any(instance[name] != value for name, value in said.items()):
            with self._journal.transaction():
                self._journal.change(
                    "describe_instance", instance_uid=instance["instance_uid"], **said
                )
        return self._instance(instance["instance_uid"])

    def _instance(self, uid: str) -> Row:
        found = self._journal.row("find_instance", instance_uid=uid)
        if found is None:
            raise Refusal(409, "forgotten", "this instance was forgotten: describe it again")
        return found

    # Step 5

    def _note(self, listener: Listener, message: Any) -> None:
        said = told(message)
        if message.HasField("agent_description"):
            # It may have started anew and lost what it had; its status, if any, follows.
            listener.answered = listener.sent = None
        if message.HasField("remote_config_status"):
            self._note_status(listener, message.remote_config_status, said or Acknowledgement())
        if said is not None:
            self._plane.detail(listener.instance_uid, said)

    def _note_status(self, listener: Listener, status: Any, said: Acknowledgement) -> None:
        body_hash = status.last_remote_config_hash[:64]
        if status.status == opamp.RemoteConfigStatuses_APPLIED:
            listener.answered = body_hash
            self._plane.acknowledge(listener.instance_uid, body_hash, said)
        elif status.status == opamp.RemoteConfigStatuses_FAILED:
            listener.answered = body_hash
            self._plane.fail(listener.instance_uid, body_hash, status.error_message[:LONGEST_TEXT])

    # Steps 6 and 7

    async def _next(
        self,
        instance: Row,
        listener: Listener,
        message: Any,
        wait_s: float,
        gone: asyncio.Future[None],
    ) -> Any:
        uid = listener.instance_uid
        in_order = listener.follows(message.sequence_num) or message.HasField("agent_description")
        if not in_order:
            flags = opamp.ServerToAgentFlags_ReportFullState
            return reply(uid, self._due(instance, listener), flags)
        document = await self._awaited(instance, listener, wait_s, gone)
        return reply(uid, document)

    async def _awaited(
        self, instance: Row, listener: Listener, wait_s: float, gone: asyncio.Future[None]
    ) -> Document | None:
        """The next document to hand out; None when the wait is over."""
        clock = asyncio.get_running_loop().time
        turn, end = listener.turn, clock() + wait_s
        while not gone.done() and listener.turn == turn and not self._presence.is_closing:
            listener.bell.clear()
            if document := self._due(instance, listener):
                return document
            if clock() >= end:
                break
            await listener.woken(gone, min(end - clock(), self._pause_s(listener)))
        listener.is_gone = gone.done() and listener.turn == turn
        return None

    def _due(self, instance: Row, listener: Listener) -> Document | None:
        """The document in force if the instance has not answered it, noted as delivered."""
        document = self._plane.document(instance, unseen=False)
        if document.body_hash == listener.answered:
            return None
        if document.body_hash == listener.sent and self._pause_s(listener) > 0:
            return None
        document = self._plane.document(instance, unseen=True)
        self._plane.deliver(document)
        listener.sent, listener.sent_at = document.body_hash, self._clock()
        return document

    def _pause_s(self, listener: Listener) -> float:
        """Seconds until an unanswered document may be handed out again."""
        if listener.sent_at is None or listener.sent == listener.answered:
            return WAIT_S
        return max(0.0, (listener.sent_at + RESEND - self._clock()).total_seconds())


def reply(uid: str, document: Document | None = None, flags: int = 0) -> Any:
    """A ServerToAgent message, with the document if there is one."""
    message = opamp.ServerToAgent(
        instance_uid=UUID(uid).bytes, capabilities=_CAPABILITIES, flags=flags
    )
    message.custom_capabilities.capabilities.append(CAPABILITY)
    if document is not None:
        file = message.remote_config.config.config_map[CONFIG]
        file.body = document.body.encode()
        file.content_type = CONTENT_TYPE
        message.remote_config.config_hash = document.body_hash
    return message


def refused(refusal: Refusal) -> bytes:
    """The body that tells an agent why its request was refused."""
    message = opamp.ServerToAgent()
    is_passing = refusal.status == 503
    message.error_response.type = (
        opamp.ServerErrorResponseType_Unavailable
        if is_passing
        else opamp.ServerErrorResponseType_BadRequest
    )
    message.error_response.error_message = str(refusal)
    if is_passing:
        message.error_response.retry_info.retry_after_nanoseconds = 30_000_000_000
    return bytes(message.SerializeToString())
