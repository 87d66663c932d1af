"""OpAMP messages (protobuf) as this agent writes and reads them. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from opentelemetry._opamp.proto import anyvalue_pb2, opamp_pb2

CAPABILITY = "dev.watchkeeper.agentcontrol/v1"
CONFIG_NAME = "watchkeeper"
_CAPABILITIES = (
    opamp_pb2.AgentCapabilities.AgentCapabilities_ReportsStatus
    | opamp_pb2.AgentCapabilities.AgentCapabilities_AcceptsRemoteConfig
    | opamp_pb2.AgentCapabilities.AgentCapabilities_ReportsRemoteConfig
    | opamp_pb2.AgentCapabilities.AgentCapabilities_ReportsHeartbeat
)

Attributes = Mapping[str, str | bool | int]


@dataclass(frozen=True)
class Self:
    """How the agent describes itself."""

    instance_uid: bytes
    identifying: Attributes
    others: Attributes


@dataclass(frozen=True)
class Offer:
    """A control document as it arrived, with the hash the server knows it by."""

    body: bytes
    config_hash: bytes


@dataclass(frozen=True)
class Ack:
    """What became of an offer; the JSON of the custom message `ack`."""

    config_hash: bytes
    is_applied: bool
    facts: Mapping[str, Any]


def heartbeat(who: Self, sequence: int, ack: Ack | None) -> bytes:
    """A message with nothing but who and how far, and an acknowledgement if one is due."""
    return bytes(_message(who, sequence, ack).SerializeToString())


def introduction(who: Self, sequence: int, ack: Ack | None) -> bytes:
    """The full description: first message, and whenever the server asks for it."""
    message = _message(who, sequence, ack)
    message.capabilities = _CAPABILITIES
    message.agent_description.identifying_attributes.extend(_pairs(who.identifying))
    message.agent_description.non_identifying_attributes.extend(_pairs(who.others))
    message.custom_capabilities.capabilities.append(CAPABILITY)
    return bytes(message.SerializeToString())


def farewell(who: Self, sequence: int) -> bytes:
    """The agent goes, and knows it."""
    message = _message(who, sequence, None)
    message.agent_disconnect.SetInParent()
    return bytes(message.SerializeToString())


def _message(who: Self, sequence: int, ack: Ack | None) -> Any:
    message = opamp_pb2.AgentToServer(instance_uid=who.instance_uid, sequence_num=sequence)
    message.capabilities = _CAPABILITIES
    if ack is not None:
        _attach_ack(message, ack)
    return message


def _attach_ack(message: Any, ack: Ack) -> None:
    statuses = opamp_pb2.RemoteConfigStatuses
    status = message.remote_config_status
    status.last_remote_config_hash = ack.config_hash
    status.status = (
        statuses.RemoteConfigStatuses_APPLIED
        if ack.is_applied
        else statuses.RemoteConfigStatuses_FAILED
    )
    status.error_message = str(ack.facts.get("reject") or "")
    message.custom_message.capability = CAPABILITY
    message.custom_message.type = "ack"
    message.custom_message.data = json.dumps(ack.facts, separators=(",", ":")).encode()


def _pairs(attributes: Attributes) -> Sequence[Any]:
    return [
        anyvalue_pb2.KeyValue(key=key, value=_any_value(value)) for key, value in attributes.items()
    ]


def _any_value(value: str | bool | int) -> Any:
    if isinstance(value, bool):
        return anyvalue_pb2.AnyValue(bool_value=value)
    if isinstance(value, int):
        return anyvalue_pb2.AnyValue(int_value=value)
    return anyvalue_pb2.AnyValue(string_value=value)


@dataclass(frozen=True)
class Answer:
    """What the server said."""

    offer: Offer | None
    wants_introduction: bool
    error: str


def parse(raw: bytes) -> Answer:
    """Read a ServerToAgent; an offer without a hash is hashed here."""
    message = opamp_pb2.ServerToAgent.FromString(raw)
    wants = opamp_pb2.ServerToAgentFlags.ServerToAgentFlags_ReportFullState
    return Answer(
        offer=_offer(message.remote_config) if message.HasField("remote_config") else None,
        wants_introduction=bool(message.flags & wants),
        error=message.error_response.error_message,
    )


def _offer(remote_config: Any) -> Offer | None:
    files = remote_config.config.config_map
    if CONFIG_NAME not in files:
        return None
    body = files[CONFIG_NAME].body
    return Offer(body, remote_config.config_hash or hashlib.sha256(body).digest())
