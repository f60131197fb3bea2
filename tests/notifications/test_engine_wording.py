"""Facts about an organisation's own words: what they may name, what they become, and that nothing in them or in a fact does more."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from watchfloor.capabilities.notifications.engine import texts
from watchfloor.capabilities.notifications.engine.facts import FACTS, names_of, values_of
from watchfloor.capabilities.notifications.engine.known import EVENTS
from watchfloor.capabilities.notifications.engine.to_slack import to_slack
from watchfloor.capabilities.notifications.engine.told import message_of
from watchfloor.capabilities.notifications.engine.wording import Unfit, check, worded
from watchfloor.capabilities.notifications.schemas.templates import TemplateText, Worded
from watchfloor.kernel.errors import InvalidInput

if TYPE_CHECKING:
    from watchfloor.capabilities.notifications.schemas.message import Message

NOW = datetime(2026, 11, 29, 8, 30, tzinfo=UTC)


def text(subject: str = "s", body: str = "") -> TemplateText:
    return TemplateText(subject=subject, body=body)


def opened(**more: Any) -> Message:
    data = {"target": "192.0.2.1", "port": 23, "title": "Telnet is open", "reason": "seen first", **more}
    return message_of("finding.opened", "high", NOW, data, dedup_key="k")


@pytest.mark.parametrize(
    ("template", "becomes"),
    [
        ("{title}", "Telnet is open"), ("{severity} {event}", "high finding.opened"), ("{target}:{port}", "192.0.2.1:23"), ("{asset}", "192.0.2.1"),
        ("{time}", "2026-11-29 08:30 UTC"), ("{{target}}", "{target}"), ("{{{port}}}", "{23}"), ("{until|no day}", "no day"), ("{port|none}", "23"),
        ("x{until|}y", "xy"), ("no names", "no names"), ("a  b", "a b"), ("x{link}y", "xy"),
    ],
)  # fmt: skip
def test_names_become_facts(template: str, becomes: str) -> None:
    assert worded(opened(), text(template)).title == becomes


def test_a_body_is_paragraphs_and_what_a_message_says_is_some_of_them() -> None:
    made = worded(opened(message="One.\nTwo."), text("s", "First:\n{text}\n\nLast {port}"))
    assert texts.lines(made) == ["First:", "One.", "Two.", "Last 23"]


def test_facts_inside_others_have_one_name() -> None:
    message = message_of("scans.finished", "high", NOW, {"scan": "7", "findings": {"high": 2}})
    assert worded(message, text("{findings_high} high, {findings_low|no} low")).title == "2 high, no low"


@pytest.mark.parametrize("value", ["{port}", "{{x}}", "{nobody}", "%s {0}", "{", "}}", "${port}", "{{ 7 * 7 }}"])
def test_a_fact_is_never_read_again(value: str) -> None:
    assert worded(opened(target=value), text("{target}", "{target}")).lines == (value,)


@pytest.mark.parametrize(
    ("event", "template", "said"),
    [
        ("finding.opened", "{colour} {port} {shape}", "colour, shape"), ("finding.opened", "{cve}", "cve"), ("finding.*", "{cve}", "cve"),
        ("finding.opened", "{until}", "until"), ("scan.completed", "{target}", "target"), ("scans.finished", "{findings}", "findings"),
    ],
)  # fmt: skip
def test_what_an_event_has_not_is_named_when_it_is_refused(event: str, template: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=rf"has no {said}; there are event, severity") as found:
        check(event, text("s", template))
    assert (found.value.field, template[found.value.position or 0]) == ("/body", "{")


def test_a_name_that_is_nearly_right_is_offered() -> None:
    with pytest.raises(InvalidInput) as found:
        check("finding.opened", text("{targett}"))
    assert (found.value.did_you_mean, found.value.field, found.value.length) == ("target", "/subject", 9)


@pytest.mark.parametrize(
    "template",
    ["{", "}", "a { b", "{port", "{Port}", "{port!r}", "{port.__class__}", "{0}", "{}", "{port|{target}}", "{ port }", "{port:>9}"],
)
def test_braces_that_mean_nothing_are_refused(template: str) -> None:
    with pytest.raises(InvalidInput, match="a brace stands alone"):
        check("finding.opened", text("s", template))
    with pytest.raises(Unfit):
        worded(opened(), text("s", template))


@pytest.mark.parametrize(
    ("event", "template"),
    [
        ("*", "{cve|-} {target|-}"),
        ("finding.*", "{until|-}"),
        ("finding.accepted", "{until}"),
        ("scan.completed", "{title}"),
        ("message.*", "{entity_id|-}"),
    ],
)
def test_a_pattern_may_name_what_any_of_its_events_has(event: str, template: str) -> None:
    check(event, text(template, template))


@pytest.mark.parametrize("template", ["{reason}", "{port}", " {until|} "])
def test_a_message_without_what_is_named_is_not_worded(template: str) -> None:
    message = message_of("finding.opened", "high", NOW, {"target": "x", "port": None})
    with pytest.raises(Unfit):
        worded(message, TemplateText.model_construct(subject=template, body=""))


@pytest.mark.parametrize(
    ("subject", "body"),
    [("", "b"), ("  ", "b"), ("x" * 201, "b"), ("a\nb", "b"), ("a\0", "b"), ("s", "x" * 8001), ("s", "a\0b"), ("s", "a\x1b[31m")],
)
def test_what_is_no_text_or_too_long_is_no_template(subject: str, body: str) -> None:
    with pytest.raises(ValidationError):
        TemplateText(subject=subject, body=body)


def test_the_longest_texts_and_facts_become_a_bounded_message() -> None:
    message = opened(message="\n".join(["y" * 60] * 100), reason="x" * 10_000)
    made = worded(message, text("{reason}{reason}", "{text}\n" * 50 + "{reason}" * 50))
    assert len(made.title) <= texts.TITLE
    assert sum(map(len, made.lines)) <= 20_000
    assert len(to_slack(made)) < 40_000
    with pytest.raises(InvalidInput, match="100 names at most"):
        check("finding.opened", text("s", "{port}" * 101))


def test_words_stay_text_in_a_chat_and_show_no_other_facts() -> None:
    made = worded(opened(target="<!channel>"), text("{target} & more", "line one\n{target}"))
    told = json.loads(to_slack(made))
    assert told["text"] == "&lt;!channel&gt; &amp; more"
    assert [block["text"]["text"] for block in told["blocks"][:1] + told["blocks"][2:]] == [
        "&lt;!channel&gt; &amp; more",
        "line one\n&lt;!channel&gt;",
    ]
    assert texts.facts(made) == {}
    assert texts.subject(made) == "<!channel> & more"


def test_what_makes_it_one_message_stays() -> None:
    before = opened()
    after = worded(before, text("mine"))
    assert isinstance(after, Worded)
    assert before.model_dump(exclude={"title", "lines"}) == after.model_dump(exclude={"title", "lines"})


def test_every_event_says_what_facts_it_has() -> None:
    assert set(FACTS) >= set(EVENTS)
    for event in FACTS:
        assert len(set(names_of(event))) == len(names_of(event))


def test_a_fact_of_any_spelling_has_a_name() -> None:
    message = message_of("a.b", "low", NOW, {"Größe (MB)": 5, "a b": {"c-d": 1}, "title": "t", "severity": "loud"})
    values = values_of(message)
    assert (values["gr_e_mb"], values["a_b_c_d"], values["severity"], values["title"]) == ("5", "1", "low", "t")
