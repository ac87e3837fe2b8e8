from pathlib import Path

import pytest

from orchestrator import config
from orchestrator.errors import SettingsError


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_flags_beat_environment_beats_file_beats_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("retake.toml").write_text('gate = "clip>=1"\nbudget = 1\nmodel = "file"\n')
    monkeypatch.setenv("RETAKE_GATE", "clip>=2")
    monkeypatch.setenv("RETAKE_BUDGET", "2")
    settings = config.load(gate="clip>=3", budget=None)
    assert (settings.gate, settings.budget, settings.model) == ("clip>=3", 2, "file")
    assert settings.servers == ["http://127.0.0.1:8188"]


def test_lists_and_headers_are_json_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETAKE_SERVERS", '["http://a", "http://b"]')
    monkeypatch.setenv("RETAKE_HEADERS", '{"Authorization": "Bearer x"}')
    settings = config.load()
    assert settings.servers == ["http://a", "http://b"]
    assert settings.headers == {"Authorization": "Bearer x"}


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("budget = 0", "'budget'.*greater than or equal to 1"),
        ("bugdet = 5", "'bugdet'.*not permitted"),
        ("budget = ", "can't be read"),
    ],
)
def test_a_wrong_file_is_one_line_that_names_the_setting(file: str, says: str) -> None:
    Path("retake.toml").write_text(file)
    with pytest.raises(SettingsError, match=says) as caught:
        config.load()
    assert "\n" not in str(caught.value)


def test_a_wrong_variable_is_one_line_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETAKE_SERVERS", "not json")
    with pytest.raises(SettingsError, match="can't be read") as caught:
        config.load()
    assert "\n" not in str(caught.value)
