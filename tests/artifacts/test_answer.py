"""Answers over HTTP: whole, a range, or nothing because the client has it; never something a browser would run."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.api.floor import client_of
from tests.artifacts.floor import lying_at, put
from watchfloor.kernel.artifacts.answer import OUTSIDE, parse_range
from watchfloor.kernel.artifacts.draft import PART_BYTES
from watchfloor.kernel.artifacts.places import place_named
from watchfloor.kernel.artifacts.settings import artifact_settings

if TYPE_CHECKING:
    from uuid import UUID

    import httpx

    from tests.api.floor import Client
    from watchfloor.kernel.jobs.ledger import Ledger

CONTENT = (bytes(range(251)) * 9000)[: 2 * PART_BYTES + 9]
ETAG = f'"{hashlib.sha256(CONTENT).hexdigest()}"'


@pytest.mark.parametrize(
    ("text", "size", "span"),
    [
        ("bytes=0-0", 10, (0, 0)), ("bytes=0-9", 10, (0, 9)), ("bytes=3-", 10, (3, 9)), ("bytes=-3", 10, (7, 9)), ("bytes=-30", 10, (0, 9)),
        ("bytes=5-900", 10, (5, 9)), ("Bytes = 1-2", 10, (1, 2)), ("bytes=10-", 10, OUTSIDE), ("bytes=10-11", 10, OUTSIDE), ("bytes=-0", 10, OUTSIDE),
        ("bytes=0-", 0, OUTSIDE), ("bytes=-5", 0, OUTSIDE), ("bytes=5-4", 10, None), ("bytes=0-1,3-4", 10, None), ("bytes=", 10, None), ("bytes=-", 10, None),
        ("bytes=a-b", 10, None), ("bytes=--1", 10, None), ("bytes=1", 10, None), ("lines=0-1", 10, None), ("", 10, None), ("bytes=0-\u0661", 10, None),
        ("bytes=" + "9" * 19 + "-", 10, OUTSIDE), ("bytes=" + "9" * 5000 + "-", 10, None), ("bytes=+1-2", 10, None), ("bytes=1-2-3", 10, None),
    ],
)  # fmt: skip
def test_ranges_are_read_as_the_standard_says(text: str, size: int, span: tuple[int, int] | None) -> None:
    assert parse_range(text, size) == span


@pytest.fixture
def artifact(ledger: Ledger, owner: Client, place: str) -> UUID:
    """Store CONTENT."""
    return put(ledger, owner.org, CONTENT, f"{place} \N{EN DASH} 'x';.html")


def ask(owner: Client, artifact: UUID, method: str = "GET", **headers: str) -> httpx.Response:
    """Ask for the content."""
    return owner.ask(method, f"/artifacts/{artifact}/content", headers={name.replace("_", "-"): value for name, value in headers.items()})


def test_a_whole_file_says_what_it_is_and_is_never_shown(owner: Client, artifact: UUID, place: str) -> None:
    answer = ask(owner, artifact)
    assert (answer.status_code, answer.content) == (200, CONTENT)
    told = answer.headers
    assert told["content-disposition"] == f"attachment; filename*=UTF-8''{place}%20%E2%80%93%20%27x%27%3B.html"
    assert (told["etag"], told["content-length"], told["accept-ranges"]) == (ETAG, str(len(CONTENT)), "bytes")
    assert (told["x-content-type-options"], told["content-security-policy"]) == ("nosniff", "sandbox; default-src 'none'")
    assert told["cache-control"] == "private, no-cache"


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("bytes=0-4", 0, 4), ("bytes=-9", len(CONTENT) - 9, len(CONTENT) - 1), (f"bytes={PART_BYTES - 2}-{PART_BYTES + 2}", PART_BYTES - 2, PART_BYTES + 2)],
)  # fmt: skip
def test_a_range_is_answered_with_that_range(owner: Client, artifact: UUID, asked: str, first: int, last: int) -> None:
    answer = ask(owner, artifact, Range=asked)
    assert (answer.status_code, answer.content) == (206, CONTENT[first : last + 1])
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(CONTENT)}"
    assert answer.headers["content-length"] == str(last - first + 1)
    assert answer.headers["etag"] == ETAG


def test_a_download_that_broke_off_goes_on_where_it_was(owner: Client, artifact: UUID) -> None:
    begin = ask(owner, artifact, Range="bytes=0-999")
    rest = ask(owner, artifact, Range="bytes=1000-", If_Range=begin.headers["etag"])
    assert begin.content + rest.content == CONTENT
    assert ask(owner, artifact, Range="bytes=1000-", If_Range='"another"').status_code == 200
    assert ask(owner, artifact, Range="bytes=1000-", If_Range=f"W/{ETAG}").status_code == 200, "a weak tag proves nothing"


def test_a_range_outside_the_file_says_how_long_it_is(owner: Client, artifact: UUID) -> None:
    answer = ask(owner, artifact, Range=f"bytes={len(CONTENT)}-")
    assert (answer.status_code, answer.headers["content-range"], answer.content) == (416, f"bytes */{len(CONTENT)}", b"")


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "lines=1-2", "nonsense"])
def test_what_is_not_understood_is_answered_whole(owner: Client, artifact: UUID, asked: str) -> None:
    assert ask(owner, artifact, Range=asked).status_code == 200


@pytest.mark.parametrize("known", [ETAG, f"W/{ETAG}", f'"x", {ETAG}', "*"])
def test_a_client_that_has_the_file_is_told_so(owner: Client, artifact: UUID, known: str) -> None:
    answer = ask(owner, artifact, If_None_Match=known, Range="bytes=0-1")
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", ETAG)
    assert ask(owner, artifact, If_None_Match='"other"').status_code == 200


def test_head_shows_what_a_download_would_say(owner: Client, artifact: UUID) -> None:
    answer, whole = ask(owner, artifact, "HEAD"), ask(owner, artifact)
    assert (answer.status_code, answer.content) == (200, b"")
    for name in ("content-length", "etag", "content-disposition", "content-type", "accept-ranges"):
        assert answer.headers[name] == whole.headers[name], name


@pytest.mark.usefixtures("place")
def test_an_empty_file_is_a_file(ledger: Ledger, owner: Client) -> None:
    artifact = put(ledger, owner.org, b"")
    answer = ask(owner, artifact)
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "0")
    assert ask(owner, artifact, Range="bytes=0-").status_code == 416


def test_a_lost_file_is_gone_and_says_so(ledger: Ledger, owner: Client, artifact: UUID) -> None:
    with ledger.database.transaction(owner.org) as session:
        place_named(artifact_settings().chosen()).drop(session, owner.org, lying_at(ledger, owner.org, artifact))
    for headers in ({}, {"Range": "bytes=9-"}):
        answer = ask(owner, artifact, **headers)
        assert (answer.status_code, answer.json()["code"]) == (410, "lost")
        assert "are gone" in answer.json()["detail"]


def test_a_changed_file_is_not_shown(ledger: Ledger, owner: Client, artifact: UUID) -> None:
    with ledger.database.transaction(owner.org) as session:
        place_named(artifact_settings().chosen()).put(session, owner.org, lying_at(ledger, owner.org, artifact), [b"something else" * 9])
    answer = ask(owner, artifact)
    assert (answer.status_code, answer.json()["code"]) == (410, "lost")
    assert "were changed" in answer.json()["detail"]


def test_who_may_not_download_gets_no_headers_either(owner: Client, ledger: Ledger, artifact: UUID, stranger: UUID) -> None:
    viewer, eve = client_of(owner.http, ledger, owner.org, "viewer"), client_of(owner.http, ledger, stranger, "owner")
    for method in ("GET", "HEAD"):
        assert ask(viewer, artifact, method).status_code == 403
        assert ask(eve, artifact, method).status_code == 404
        assert ask(owner, uuid4(), method).status_code == 404
