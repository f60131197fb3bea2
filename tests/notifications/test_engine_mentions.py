"""Facts about which assets a message is about."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from watchfloor.capabilities.notifications.engine.matching import About
from watchfloor.capabilities.notifications.engine.mentions import Asset, mentions, subject_of
from watchfloor.capabilities.notifications.engine.told import message_of

NOW = datetime(2026, 3, 1, tzinfo=UTC)
IDS = [UUID(int=n) for n in range(1, 31)]
WEB = Asset(IDS[0], ("192.0.2.1", "web-1"), ("prod",))
LAB = Asset(IDS[1], ("192.0.2.2", "lab"), ("lab",))
ALSO = Asset(IDS[2], ("192.0.2.3", "lab"), ())


def told(known: list[Asset], **data: Any) -> tuple[tuple[About, ...], bool]:
    message = message_of("finding.opened", "high", NOW, data)
    subject = subject_of(message, mentions(message), known)
    return subject.abouts, subject.complete


def about(one: Asset) -> About:
    return About(one.names, one.tags)


@pytest.mark.parametrize(
    ("data", "abouts"),
    [
        ({}, (About(),)),
        ({"target": "web-1"}, (about(WEB),)),
        ({"target": "192.0.2.1"}, (about(WEB),)),
        ({"host": "unheard.example.org"}, (About(("unheard.example.org",)),)),
        ({"asset": str(IDS[0])}, (about(WEB),)),
        ({"target": "lab"}, (about(LAB), about(ALSO))),
        ({"assets": [str(IDS[0]), str(IDS[1])], "count": 2}, (about(WEB), about(LAB))),
        ({"assets": 1, "asset_ids": [str(IDS[1])]}, (about(LAB),)),
        ({"target": "web-1", "assets": [str(IDS[0])]}, (about(WEB),)),
    ],
)
def test_a_message_is_about_what_the_inventory_knows_of_what_it_names(data: dict[str, Any], abouts: tuple[About, ...]) -> None:
    assert told([WEB, LAB, ALSO], **data) == (abouts, True)


@pytest.mark.parametrize(
    "data",
    [
        {"assets": [str(IDS[0])], "count": 2}, {"assets": 300, "asset_ids": [str(one) for one in IDS[:20]]}, {"assets": [str(one) for one in IDS[:20]], "count": 20},
        {"asset": str(IDS[9])}, {"assets": 5},
    ],
)  # fmt: skip
def test_what_is_about_more_than_is_known_says_so(data: dict[str, Any]) -> None:
    assert told([WEB, LAB, ALSO], **data)[1] is False
