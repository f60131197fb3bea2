"""What files are, by their bytes."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

from tests.fetch.servers import PAGE
from watchfloor.kernel.errors import SourceChanged
from watchfloor.kernel.fetch import content

if TYPE_CHECKING:
    from pathlib import Path

TEXT = b"line\r\n" * 50_000


@pytest.mark.parametrize("stored", [
    TEXT, gzip.compress(TEXT, mtime=0), gzip.compress(TEXT[:70_000], mtime=0) + gzip.compress(TEXT[70_000:], mtime=0), gzip.compress(TEXT, mtime=0) + bytes(512),
])  # fmt: skip
def test_content_is_the_same_packed_or_not(tmp_path: Path, stored: bytes) -> None:
    (tmp_path / "file").write_bytes(stored)
    assert content.plain(tmp_path / "file", len(TEXT)) == TEXT


@pytest.mark.parametrize(("stored", "guard"), [
    (TEXT + b"x", "G4"), (gzip.compress(TEXT + b"x", mtime=0), "G4"), (gzip.compress(TEXT, mtime=0)[:-9], "G2"), (gzip.compress(TEXT, mtime=0)[:50], "G2"),
    (b"\x1f\x8b" + b"garbage" * 10, "G2"), (gzip.compress(TEXT, mtime=0) + b"more", "G2"),
])  # fmt: skip
def test_what_is_too_large_or_broken_is_refused(tmp_path: Path, stored: bytes, guard: str) -> None:
    (tmp_path / "file").write_bytes(stored)
    with pytest.raises(SourceChanged, match=guard):
        content.plain(tmp_path / "file", len(TEXT))


def test_a_bomb_is_stopped_at_the_limit(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(gzip.compress(bytes(256 << 20), 1))
    with pytest.raises(SourceChanged, match="G4"):
        content.plain(tmp_path / "file", 1 << 20)


@pytest.mark.parametrize(("beginning", "page"), [
    (PAGE, True), (b"\xef\xbb\xbf\n <HTML>", True), (b"<!-- x --><html>", True), (b'{"a": "<html>"}', False), (b"[]", False), (b"", False),
    (b"\x1f\x8b", False), (b"#model_version:v1", False),
])  # fmt: skip
def test_a_web_page_is_told_from_data(beginning: bytes, page: bool) -> None:  # noqa: FBT001 - a table
    assert content.looks_like_a_page(beginning) is page
