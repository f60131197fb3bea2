"""Durations, variables, the settings file and what is refused."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from watchfloor.kernel.errors import InvalidInput, SetupError
from watchfloor.kernel.settings import KernelSettings, duration, mask, names_of, read_settings, refuse_unknown

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Read from an empty data directory."""
    for name in names_of(KernelSettings) | {"WATCHFLOOR_SETTINGS_FILE"}:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WATCHFLOOR_DATA_DIR", str(tmp_path))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("1.5", 1.5),
        ("90s", 90),
        ("5m", 300),
        ("5 min", 300),
        ("2h", 7200),
        ("1h 30m", 5400),
        ("1h30m", 5400),
        ("2d", 172_800),
        ("250ms", 0.25),
        ("PT1H", 3600),
        ("PT5M", 300),
    ],
)
def test_durations_are_read_as_people_write_them(text: str, seconds: float) -> None:
    assert duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "soon", "-5s", "5x", "s", "1h and more", "5 5", "9" * 30 + "d", "1e3"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="is not a duration"):
        duration(text)


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "settings.env").write_text("# ours\nexport WATCHFLOOR_API_PORT='81'\nWATCHFLOOR_WORKER_DRAIN = 2m\n\n", encoding="utf-8")
    monkeypatch.setenv("WATCHFLOOR_API_PORT", "82")
    settings = read_settings(KernelSettings)
    assert (settings.api_port, settings.worker_drain) == (82, timedelta(minutes=2))


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHFLOOR_DATABASE_URL", "")
    assert read_settings(KernelSettings).database_url is None


def test_a_secret_in_a_file_open_to_others_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "settings.env"
    file.write_text("WATCHFLOOR_DATABASE_URL=postgresql://me:pw@db/x\n", encoding="utf-8")
    file.chmod(0o644)
    with pytest.raises(SetupError, match="chmod 0600"):
        read_settings(KernelSettings)
    file.chmod(0o600)
    assert read_settings(KernelSettings).database_url is not None


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("API_PORT", "70000", "WATCHFLOOR_API_PORT"),
        ("WORKER_CONCURRENCY", "0", "WATCHFLOOR_WORKER_CONCURRENCY"),
        ("PROFILE", "huge", "embedded"),
        ("LOG_LEVEL", "loud", "DEBUG, INFO"),
    ],
)
def test_an_unacceptable_value_names_its_variable(monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str) -> None:
    monkeypatch.setenv(f"WATCHFLOOR_{name}", value)
    with pytest.raises(SetupError, match=said):
        read_settings(KernelSettings)


def test_a_named_file_must_exist(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WATCHFLOOR_SETTINGS_FILE", str(tmp_path / "gone.env"))
    with pytest.raises(SetupError, match="cannot be read"):
        read_settings(KernelSettings)


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    (tmp_path / "settings.env").write_text("WATCHFLOOR_API_PORT=1\nnonsense\n", encoding="utf-8")
    with pytest.raises(SetupError, match="Line 2"):
        read_settings(KernelSettings)


def test_a_misspelt_name_in_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "settings.env").write_text("WATCHFLOOR_API_PROT=1\n", encoding="utf-8")
    with pytest.raises(SetupError, match="did you mean WATCHFLOOR_API_PORT"):
        refuse_unknown(names_of(KernelSettings))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:pw@h/db", "postgresql://me:***@h/db"),
        ("redis://:pw@h:1/0", "redis://:***@h:1/0"),
        ("redis://h:1/0", "redis://h:1/0"),
    ],
)
def test_addresses_are_shown_without_password(url: str, shown: str) -> None:
    assert mask(url) == shown
