"""What redaction costs at the door, in CPU time of one thread per span, beside the same without it.

Prints microseconds a span; compare the lines of one run with each other only.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence

from decode import SPANS, requests
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.model import Signal
from collector.receive.check import check
from collector.receive.parse import parse
from collector.receive.redaction import Redactor
from collector.receive.redaction.patterns import CATALOGUE

REQUESTS = 10
SAID = "The customer of order {} asks where the parcel is, and the agent answers politely. " * 6


def with_messages(bodies: Sequence[bytes], secret_every: int) -> list[bytes]:
    """The same spans with 500 bytes of prompt each, and a secret in one of so many."""
    chance = random.Random(20260115)
    return [_told(body, secret_every, chance) for body in bodies]


def _told(body: bytes, secret_every: int, chance: random.Random) -> bytes:
    request = ExportTraceServiceRequest.FromString(body)
    for group in request.resource_spans:
        for scope in group.scope_spans:
            for at, span in enumerate(scope.spans):
                said = SAID.replace("{}", str(chance.randrange(10**6)))
                if secret_every and at % secret_every == 0:
                    said += " alice@example.com"
                span.attributes.add(key="gen_ai.input.messages").value.string_value = said
    return request.SerializeToString()


def microseconds(work: Callable[[bytes], object], bodies: Sequence[bytes]) -> float:
    """CPU time a span, the best of three."""
    best = float("inf")
    for _ in range(3):
        began = time.thread_time()
        for body in bodies:
            work(body)
        best = min(best, time.thread_time() - began)
    return best / (len(bodies) * SPANS) * 1e6


def plainly(body: bytes) -> object:
    return check(Signal.TRACES, parse(Signal.TRACES, "protobuf", body))


def redacting(redactor: Redactor) -> Callable[[bytes], object]:
    def work(body: bytes) -> object:
        request = parse(Signal.TRACES, "protobuf", body)
        redactor.redacted(request)
        return check(Signal.TRACES, request)

    return work


def main() -> None:
    bare = requests(REQUESTS, agents=True)
    patterns = Redactor((), tuple(CATALOGUE.values()))
    no_content = Redactor(keep_content=False)
    both = Redactor((), tuple(CATALOGUE.values()), keep_content=False)
    for name, bodies in (
        ("without messages", bare),
        ("500 bytes of messages, no secret", with_messages(bare, 0)),
        ("500 bytes of messages, a secret in 1 of 100", with_messages(bare, 100)),
        ("500 bytes of messages, a secret in each", with_messages(bare, 1)),
    ):
        print(name)
        print(f"  parse and check, no redaction   {microseconds(plainly, bodies):6.1f} us a span")
        for what, redactor in (
            ("patterns: all", patterns),
            ("message_content: none", no_content),
            ("both", both),
        ):
            cost = microseconds(redacting(redactor), bodies)
            print(f"  {what:<31} {cost:6.1f} us a span")


if __name__ == "__main__":
    main()
