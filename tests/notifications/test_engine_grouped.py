"""Facts about what a group's message and an escalation's step say."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from watchfloor.capabilities.notifications.engine.escalate import Told, check_zones, step_message
from watchfloor.capabilities.notifications.engine.grouped import Named, Sending, Standing, group_message
from watchfloor.capabilities.notifications.engine.told import about, labels_of, message_of
from watchfloor.capabilities.notifications.schemas.message import Message
from watchfloor.capabilities.notifications.schemas.rules import Escalation
from watchfloor.kernel.contract import Severity
from watchfloor.kernel.errors import InvalidInput

NOW = datetime(2026, 1, 12, 8, tzinfo=UTC)
SENDING = Sending(group="g", number=3, at=NOW)
NEW, STILL, RESOLVED = Standing
LOW, HIGH, CRITICAL = Severity.LOW, Severity.HIGH, Severity.CRITICAL


def said(*members: tuple[Standing, Severity], asset: str = "", shown: int = 50, labels: dict[str, str] | None = None) -> Message:
    named = [Named(standing=how, severity=grave, title=f"T{n}", asset=asset) for n, (how, grave) in enumerate(members)]
    return group_message(SENDING, named[:shown], members, labels or {})


@pytest.mark.parametrize(
    ("members", "labels", "title"),
    [
        ([(NEW, LOW)], {"asset": "web-1"}, "T0"),
        ([(STILL, LOW)], {}, "T0 - still open"),
        ([(RESOLVED, LOW)], {}, "T0 - resolved"),
        ([(NEW, LOW), (NEW, LOW)], {"asset": "web-1"}, "2 messages: 2 new"),
        ([(NEW, LOW), (STILL, LOW), (STILL, LOW), (RESOLVED, LOW)], {}, "4 messages: 1 new, 2 still open, 1 resolved"),
        ([(NEW, LOW), (NEW, LOW)], {"asset": "web-1", "type": "finding.opened", "check": ""}, "finding.opened: 2 new"),
    ],
)
def test_a_title_says_how_many_and_what_they_have_in_common(members: Any, labels: dict[str, str], title: str) -> None:
    assert said(*members, labels=labels).title == title


def test_the_gravest_that_holds_is_the_groups_severity() -> None:
    assert said((NEW, LOW), (STILL, HIGH), (RESOLVED, CRITICAL)).severity is HIGH
    assert said((RESOLVED, CRITICAL)).severity is Severity.INFO


def test_members_are_named_up_to_fifty_with_how_they_stand_and_where() -> None:
    assert said((NEW, HIGH), (STILL, LOW), asset="web-1").lines == ("HIGH T0 (web-1)", "LOW T1 (web-1) - still open")
    many = said(*[(NEW, LOW)] * 60)
    assert (len(many.lines), many.lines[-1]) == (51, "and 10 more")
    assert said(*[(NEW, LOW)] * 60, shown=10).lines[-1] == "and 50 more"


def test_counts_and_labels_are_facts() -> None:
    told = said((NEW, LOW), (NEW, HIGH), (RESOLVED, HIGH), labels={"type": "finding.opened", "check": ""})
    assert told.facts == {"type": "finding.opened", "new": "2", "resolved": "1", "high": "1", "low": "1"}
    assert (told.type, told.subject_kind, told.subject_id, told.dedup_key) == ("notifications.group", "group", "g", "group:g:3")


def test_long_labels_fit_into_a_message() -> None:
    told = said((NEW, LOW), (NEW, LOW), labels={"asset": "a" * 300, "name": "b" * 500, "fact": "c" * 500})
    assert Message.model_validate_json(told.model_dump_json()) == told


def test_labels_are_facts_and_what_every_message_has() -> None:
    told = message_of("finding.opened", "high", NOW, {"target": "web-1", "check": "tls"})
    assert labels_of(told) == {"target": "web-1", "check": "tls", "type": "finding.opened", "severity": "high", "asset": "web-1"}
    assert about(told) == ""
    assert about(message_of("finding.fixed", "high", NOW, {"finding": "7"})) == about(
        message_of("finding.opened", "low", NOW, {"finding": "7"})
    )


def test_a_step_says_which_it_is_and_how_to_end_it_and_fits_whatever_the_message_holds() -> None:
    data = {f"fact {n}": "x" * 600 for n in range(80)} | {"message": "\n".join("line" for _ in range(300)), "title": "T" * 400}
    message = message_of("finding.opened", "high", NOW, data)
    told = step_message(message, "nights", Told(step=1, users=("ana",), page=True), run="r", notification="n", steps=3)
    assert Message.model_validate_json(told.model_dump_json()) == told
    assert told.title.startswith("Escalated: TTT")
    assert told.lines[-1].endswith("watchfloor notifications acknowledge n")
    assert (told.facts["escalation"], told.facts["step"], told.dedup_key) == ("nights", "2 of 3", "escalation:r:1")


def test_a_rotation_in_a_zone_that_nobody_knows_is_refused_by_name() -> None:
    rotation = {"users": ["ana"], "since": "2026-01-05", "timezone": "Mars/Olympus"}
    wish = Escalation.model_validate({"steps": [{"after": 0, "users": ["ana"]}, {"after": 1, "rotation": rotation}]})
    with pytest.raises(InvalidInput, match="Mars/Olympus") as refused:
        check_zones(wish)
    assert refused.value.field == "/steps/1/rotation/timezone"
