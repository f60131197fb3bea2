"""The locks: hashes and no address, and they hold what pyproject.toml asks for."""

from __future__ import annotations

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture.source import ROOT

RUNTIME, DEVELOPMENT, INSTALLER = "requirements.lock", "requirements-dev.lock", "requirements-uv.lock"
PIN = re.compile(r"^([A-Za-z0-9_.-]+)==([^ ;\\]+)(.*)$")


def entries(lock: str) -> dict[str, str]:
    """Return each pinned name's text: version, marker, hashes."""
    found: dict[str, str] = {}
    name = ""
    for line in (ROOT / lock).read_text(encoding="utf-8").splitlines():
        if pin := PIN.match(line):
            name = canonicalize_name(pin.group(1))
            found[name] = pin.group(2)
        elif line.strip().startswith("--hash="):
            found[name] += " hashed"
        else:
            assert line.strip().startswith("#"), f"{lock}: {line!r} is neither a pin, a hash nor a comment"
    return found


@pytest.mark.parametrize("lock", [RUNTIME, DEVELOPMENT, INSTALLER])
def test_no_lock_holds_an_address(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert [line for line in text.splitlines() if "://" in line or "file:" in line or " @ " in line] == []


def test_no_other_kind_of_lock_is_kept() -> None:
    assert [name for name in ("uv.lock", "pylock.toml", "poetry.lock", "Pipfile.lock") if (ROOT / name).exists()] == []


@pytest.mark.parametrize("lock", [RUNTIME, DEVELOPMENT, INSTALLER])
def test_every_pin_has_hashes(lock: str) -> None:
    assert [name for name, text in entries(lock).items() if "hashed" not in text] == []


def test_the_development_lock_holds_the_runtime_pins() -> None:
    development = entries(DEVELOPMENT)
    assert {name: text for name, text in entries(RUNTIME).items() if development.get(name) != text} == {}


@pytest.mark.parametrize("lock", [RUNTIME, DEVELOPMENT])
def test_the_locks_satisfy_pyproject(lock: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = [*project["project"]["dependencies"], *(project["dependency-groups"]["dev"] if lock == DEVELOPMENT else [])]
    pinned = entries(lock)
    missing = [
        str(one) for one in map(Requirement, asked) if not one.specifier.contains(pinned.get(canonicalize_name(one.name), "0").split()[0])
    ]
    assert missing == []
