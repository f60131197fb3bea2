"""Facts about links that unsubscribe."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from watchfloor.capabilities.notifications.engine.links import (
    _HEAD,
    Act,
    Link,
    _mac,
    _text,
    demand_fresh,
    make_token,
    org_of,
    read_token,
)
from watchfloor.kernel.errors import Expired, Forged

KEY, OTHER = bytes(range(32)), bytes(32)
NOW = datetime(2026, 1, 12, 8, tzinfo=UTC)
ASKED = Link(org=UUID(int=7), user="ana@example.org", act=Act.UNSUBSCRIBE, what="scans.completed", issued=NOW)


@pytest.mark.parametrize(
    "asked",
    [
        ASKED,
        replace(ASKED, act=Act.UNDO),
        replace(ASKED, user="änne ☃", what=""),
        replace(ASKED, user="", what="ana@example.orgscans.completed"),
        replace(ASKED, user="u" * 200, what="w" * 100),
    ],
)
def test_token_says_who_does_not_want_to_hear_of_what(asked: Link) -> None:
    token = make_token(KEY, asked)
    assert read_token(KEY, token) == asked
    assert org_of(token) == asked.org
    assert token.replace("-", "").replace("_", "").isalnum()
    assert len(token) < 700


def test_same_letters_split_elsewhere_are_another_token() -> None:
    one, other = replace(ASKED, user="ab", what="c"), replace(ASKED, user="a", what="bc")
    assert make_token(KEY, one) != make_token(KEY, other)


@pytest.mark.parametrize(("act", "days"), [(Act.UNSUBSCRIBE, 180), (Act.UNDO, 30)])
def test_a_link_holds_for_180_days_and_one_that_undoes_for_30(act: Act, days: int) -> None:
    asked = replace(ASKED, act=act)
    for age in (timedelta(), timedelta(days=days), timedelta(days=-1)):
        demand_fresh(asked, NOW + age)
    with pytest.raises(Expired, match=f"{days} days"):
        demand_fresh(asked, NOW + timedelta(days=days, seconds=1))


def test_a_link_that_unsubscribes_undoes_nothing() -> None:
    one, other = make_token(KEY, ASKED), make_token(KEY, replace(ASKED, act=Act.UNDO))
    assert one != other
    assert (read_token(KEY, one).act, read_token(KEY, other).act) == (Act.UNSUBSCRIBE, Act.UNDO)


def test_token_of_another_key_is_forged() -> None:
    with pytest.raises(Forged):
        read_token(OTHER, make_token(KEY, ASKED))


def test_token_with_any_character_changed_is_forged() -> None:
    token = make_token(KEY, ASKED)
    for at, letter in enumerate(token):
        changed = token[:at] + ("A" if letter != "A" else "B") + token[at + 1 :]
        with pytest.raises(Forged):
            read_token(KEY, changed)


@pytest.mark.parametrize("cut", [0, 1, 4, 40, 80])
def test_token_that_lost_its_end_or_has_more_is_forged(cut: int) -> None:
    token = make_token(KEY, ASKED)
    for other in (token[:cut], token[:-1], token + "A", token + "=", token + "\n", " " + token):
        with pytest.raises(Forged):
            read_token(KEY, other)


@pytest.mark.parametrize("text", ["", "A", "ä" * 100, "A" * 100_000, "A" * 1000, "+/" * 60, "\x00" * 100, "%41" * 50])
def test_text_that_is_no_token_is_forged(text: str) -> None:
    with pytest.raises(Forged, match="not one of ours"):
        read_token(KEY, text)
    with pytest.raises(Forged):
        org_of(text)


@pytest.mark.parametrize(
    "body",
    [
        _HEAD.pack(2, bytes(16), 0, 0, 0),
        _HEAD.pack(1, bytes(16), 0, len(Act), 0),
        _HEAD.pack(1, bytes(16), 0, 0, 9) + b"ana",
        _HEAD.pack(1, bytes(16), 0, 0, 2) + b"\xff\xff",
        _HEAD.pack(1, bytes(16), 0, 0, 0) + b"\xff",
        _HEAD.pack(1, bytes(16), 2**64 - 1, 0, 0),
    ],
)
def test_body_of_another_shape_is_forged_even_when_it_is_signed(body: bytes) -> None:
    body += b"" if len(body) > _HEAD.size else b"x"
    with pytest.raises(Forged):
        read_token(KEY, _text(body + _mac(KEY, body)))


def test_token_too_long_for_a_link_is_not_made() -> None:
    with pytest.raises(ValueError, match="too long"):
        make_token(KEY, replace(ASKED, what="w" * 3000))
