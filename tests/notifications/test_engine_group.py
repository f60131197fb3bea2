"""Facts about groups: a timeline of what happens to one, and what goes out at each minute of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from watchfloor.capabilities.notifications.engine.group import Flush, Group, Timing, acknowledge, add, flush, group_key, resolve

NOW = datetime(2026, 1, 12, 8, tzinfo=UTC)
TIMING = Timing()
DAY = 86_400

# Each line: seconds since the first | what happens. `sent` lines say what goes out by then: +new =still -resolved, or nothing.
TIMELINES = {
    "the first message waits for others for 30 seconds": """
        0 add a
        20 add b
        29 sent nothing
        30 sent +a +b
    """,
    "later ones wait until five minutes after the last sending": """
        0 add a
        30 sent +a
        60 add b
        200 add c
        329 sent nothing
        330 sent +b +c =a
    """,
    "one that comes long after the last sending waits as the first did": """
        0 add a
        30 sent +a
        3600 add b
        3629 sent nothing
        3630 sent +b =a
    """,
    "the same message again changes nothing": """
        0 add a
        30 sent +a
        60 add a
        400 sent nothing
    """,
    "an unchanged group is repeated after a day, and again": f"""
        0 add a
        30 sent +a
        {DAY + 29} sent nothing
        {DAY + 30} sent =a
        {2 * DAY + 29} sent nothing
        {2 * DAY + 30} sent =a
    """,
    "a change moves the repetition": f"""
        0 add a
        30 sent +a
        3600 add b
        3630 sent +b =a
        {DAY + 30} sent nothing
        {DAY + 3630} sent =a =b
    """,
    "what is acknowledged is not repeated": f"""
        0 add a
        30 sent +a
        60 acknowledge
        {3 * DAY} sent nothing
    """,
    "acknowledging does not swallow what was not told yet": """
        0 add a
        30 sent +a
        60 add b
        90 acknowledge
        330 sent +b =a
    """,
    "what is acknowledged before it is told is told once and not repeated": f"""
        0 add a
        10 acknowledge
        30 sent +a
        {3 * DAY} sent nothing
    """,
    "what comes after an acknowledgement is told and repeated": f"""
        0 add a
        30 sent +a
        60 acknowledge
        3600 add b
        3630 sent +b =a
        {DAY + 3630} sent =a =b
    """,
    "a resolved message is named once": """
        0 add a
        0 add b
        30 sent +a +b
        60 resolve a
        330 sent =b -a
        400 add c
        630 sent +c =b
    """,
    "a message resolved before it was told is named as resolved": """
        0 add a
        0 add b
        10 resolve a
        30 sent +b -a
    """,
    "a resolution does not undo an acknowledgement": f"""
        0 add a
        0 add b
        30 sent +a +b
        60 acknowledge
        90 resolve a
        330 sent =b -a
        {3 * DAY} sent nothing
    """,
    "a group whose messages are all resolved is over": f"""
        0 add a
        30 sent +a
        3600 resolve a
        3630 sent -a
        {3 * DAY} sent nothing
        {3 * DAY} over
    """,
    "a message that opens again before its resolution was told is new": """
        0 add a
        30 sent +a
        60 resolve a
        90 add a
        330 sent +a
    """,
    "resolving what nobody knows changes nothing": """
        0 add a
        30 sent +a
        60 resolve b
        400 sent nothing
    """,
    "a sweep that comes late sends once": """
        0 add a
        5000 sent +a
        5001 add b
        5299 sent nothing
        5300 sent +b =a
    """,
}


def told(sent: Flush | None) -> str:
    if sent is None:
        return "nothing"
    return " ".join([*(f"+{one}" for one in sent.new), *(f"={one}" for one in sent.still), *(f"-{one}" for one in sent.resolved)])


@pytest.mark.parametrize("name", TIMELINES)
def test_timeline(name: str) -> None:
    group = Group()
    for line in TIMELINES[name].strip().splitlines():
        seconds, verb, *rest = line.split()
        at = NOW + timedelta(seconds=int(seconds))
        match verb:
            case "add":
                group = add(group, rest, TIMING, at)
            case "resolve":
                group = resolve(group, rest, TIMING, at)
            case "acknowledge":
                group = acknowledge(group, at)
            case "sent":
                sent, group = flush(group, TIMING, at)
                assert told(sent) == " ".join(rest), line
                assert flush(group, TIMING, at)[0] is None
            case _:
                assert group.over


def test_five_hundred_findings_are_one_message() -> None:
    group = Group()
    for n in range(500):
        group = add(group, [f"f{n}"], TIMING, NOW + timedelta(milliseconds=n))
    sent, group = flush(group, TIMING, NOW + timedelta(seconds=31))
    assert sent is not None
    assert (len(sent.new), sent.repeated) == (500, False)
    assert flush(group, TIMING, NOW + timedelta(minutes=6))[0] is None


def test_repetition_says_that_it_is_one() -> None:
    _, group = flush(add(Group(), ["a"], TIMING, NOW), TIMING, NOW + TIMING.wait)
    again, _ = flush(group, TIMING, NOW + TIMING.wait + TIMING.repeat)
    assert again is not None
    assert again.repeated


def test_group_key_is_what_messages_have_in_common() -> None:
    labels = {"asset": "a", "type": "finding.opened", "severity": "high"}
    assert group_key(["asset", "type"], labels) == group_key(["type", "asset", "type"], labels | {"severity": "low"})
    assert group_key(["asset"], labels) != group_key(["asset"], labels | {"asset": "b"})
    assert group_key(["asset"], {}) == group_key(["asset"], {"asset": ""}) != group_key(["type"], {})
    assert group_key(["a", "b"], {"a": 'x","b', "b": ""}) != group_key(["a", "b"], {"a": "x", "b": 'b","'})
    assert group_key([], labels) == group_key([], {})
