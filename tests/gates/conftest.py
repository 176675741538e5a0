"""A house for every test of evidence and gates."""

from pathlib import Path

import pytest

from tests.gates.house import PASSPHRASE, House


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> House:
    """An empty folder, in which commands run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STEELYARD_KEY_PASSPHRASE", PASSPHRASE)
    monkeypatch.setenv("STEELYARD_LANG", "en")
    monkeypatch.delenv("STEELYARD_STORE", raising=False)
    return House(tmp_path, capsys)
