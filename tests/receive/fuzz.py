"""The fuzzer: coverage-guided bytes through the door and the decoder (`make fuzz`).

The first byte of an input chooses signal, encoding and coding, the others are the body.
Seeds are the hostile corpus and the recorded exports of real frameworks. libFuzzer's options
follow the command: -max_total_time=SECONDS, -runs=N, -artifact_prefix=FOLDER/.
"""

from __future__ import annotations

import json
import logging
import sys
import tempfile
from pathlib import Path
from typing import Any

import atheris
import structlog

with atheris.instrument_imports(include=["collector.receive"]):
    from tests.receive.fuzzing import PACKERS, Harness

from collector.model import Signal

REPOSITORY = Path(__file__).resolve().parents[2]
CHOICES: list[tuple[Signal, Any, str]] = [
    (signal, encoding, coding)
    for coding in PACKERS
    for signal in Signal
    for encoding in ("protobuf", "json")
]
# 2000: then the records in memory are forgotten.
_RENEWED_AFTER = 2000


class Target:
    """What libFuzzer calls with each input."""

    def __init__(self) -> None:
        self._harness = Harness()

    def __call__(self, data: bytes) -> None:
        if not data:
            return
        signal, encoding, coding = CHOICES[data[0] % len(CHOICES)]
        # With the upper bit the body is packed, so that the fuzzer reaches what is inside.
        body = PACKERS[coding](data[1:]) if data[0] & 0x80 else data[1:]
        self._harness.send(signal, encoding, body, coding)
        if len(self._harness.log.records) > _RENEWED_AFTER:
            self._harness.close()
            self._harness = Harness()


def write_seeds(folder: Path) -> None:
    for path in (REPOSITORY / "tests/receive/hostile").glob("*.*"):
        encoding = "json" if path.suffix == ".json" else "protobuf"
        choice = CHOICES.index((Signal(path.name.split("-")[0]), encoding, ""))
        (folder / path.name).write_bytes(bytes([choice]) + path.read_bytes())
    for path in (REPOSITORY / "sample_data/recorded").glob("*_*.json"):
        recorded = json.loads(path.read_text())
        for signal in Signal:
            for number, request in enumerate(recorded.get(signal.value, [])[:2]):
                choice = CHOICES.index((signal, "json", ""))
                body = json.dumps(request).encode()[: 32 * 1024]
                (folder / f"{path.stem}-{signal}-{number}").write_bytes(bytes([choice]) + body)


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with tempfile.TemporaryDirectory() as folder:
        write_seeds(Path(folder))
        atheris.Setup([*sys.argv, "-max_len=65536", folder], Target())
        atheris.Fuzz()


if __name__ == "__main__":
    main()
