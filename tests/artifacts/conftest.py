"""A ledger, organisations, a client, and each place in turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.api.floor import http, ledger, org, owner, platform, stranger
from tests.artifacts.floor import fresh_settings
from tests.servers.s3 import BUCKET, s3_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["http", "ledger", "org", "owner", "platform", "stranger"]


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """Return the address of an S3-compatible store."""
    with s3_server() as url:
        yield url


@pytest.fixture
def in_postgres(ledger: object) -> Iterator[None]:  # noqa: ARG001 - its settings
    """Store new files in the database."""
    fresh_settings()
    yield
    fresh_settings()


@pytest.fixture
def in_directory(ledger: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:  # noqa: ARG001 - its settings
    """Store new files in a directory and return it."""
    monkeypatch.setenv("WATCHFLOOR_ARTIFACTS_PLACE", "directory")
    monkeypatch.setenv("WATCHFLOOR_ARTIFACTS_DIRECTORY", str(tmp_path / "files"))
    fresh_settings()
    yield tmp_path / "files"
    fresh_settings()


@pytest.fixture
def in_s3(ledger: object, s3: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:  # noqa: ARG001 - its settings
    """Store new files in a bucket and return the bucket's address."""
    monkeypatch.setenv("WATCHFLOOR_ARTIFACTS_PLACE", "s3")
    for name, value in (("BUCKET", BUCKET), ("ENDPOINT", s3), ("ACCESS_KEY_ID", "id"), ("SECRET_ACCESS_KEY", "secret")):
        monkeypatch.setenv(f"WATCHFLOOR_ARTIFACTS_S3_{name}", value)
    fresh_settings()
    yield f"{s3}/{BUCKET}"
    fresh_settings()


@pytest.fixture(params=["postgres", "directory", "s3"])
def place(request: pytest.FixtureRequest) -> str:
    """Store new files in each of the places in turn."""
    request.getfixturevalue(f"in_{request.param}")
    return str(request.param)


@pytest.fixture(params=["directory", "s3"])
def outside(request: pytest.FixtureRequest) -> str:
    """Store new files in each of the places that know no transaction."""
    request.getfixturevalue(f"in_{request.param}")
    return str(request.param)
