"""Every Python snippet of the README runs, in order, in one namespace."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"


def test_the_snippets_of_the_readme_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WATCHKEEPER_AGENT_STATE", str(tmp_path))
    monkeypatch.setenv("WATCHKEEPER_CONTROL", "http://127.0.0.1:9")
    snippets = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    names: dict[str, object] = {}

    for snippet in snippets:
        exec(compile(snippet, str(README), "exec"), names)
    exec("assert send('Ada') == 'sent to Ada'\nguard.close()\ntold.remove()", names)

    assert len(snippets) == 5
    assert (tmp_path / "clerk/slots/0/instance_uid").exists()
    assert capsys.readouterr().out == ""
