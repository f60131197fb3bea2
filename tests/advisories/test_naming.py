"""What the words of a CNA mean: learned from advisories that carry both, set by people, whose word stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import psycopg
import pytest

from tests.advisories.sources import Press
from tests.advisories.test_weekly import told
from tests.api.floor import client_of
from tests.cli.desk import OpenDesk
from watchfloor.capabilities.advisories.cli import commands
from watchfloor.capabilities.advisories.jobs.reconciling import learn_names
from watchfloor.capabilities.advisories.queries.rematch import touch
from watchfloor.capabilities.advisories.schemas.words import Source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from tests.api.floor import Client
    from watchfloor.kernel.contract import JobContext
    from watchfloor.kernel.jobs.ledger import Ledger

AT = "/advisories/names"
WORDS = {"vendor": "Orbis, Inc.", "product": "Gadget Pro"}


@pytest.fixture
def press(ledger: Ledger, org: UUID, postgres: str) -> Iterator[Press]:
    made = Press(ledger.database, org)
    made.forget()
    yield made
    made.forget()
    with psycopg.connect(postgres, autocommit=True) as wire:
        wire.execute("truncate adv_name_map")


def say(press: Press, product: str, *numbers: int) -> None:
    """Have some CVEs carry a CNA's words and the CPE name of a product."""
    cves = [f"CVE-2024-{number:04d}" for number in numbers]
    press.say(Source.CVE_LIST, *(told(cve, Source.CVE_LIST, "orbis", "gadget pro", names=True) for cve in cves))
    press.say(Source.NVD, *(told(cve, Source.NVD, "orbis", product) for cve in cves))


def learn(press: Press) -> None:
    learn_names(cast("JobContext", press))


def listed(client: Client, **query: Any) -> list[tuple[Any, ...]]:
    return [(one["means"], one["origin"], one["support"], one["against"], one["used"]) for one in client.get(AT, **query)["items"]]


def means(client: Client, *products: str) -> Any:
    return client.ask("PUT", AT, json={**WORDS, "means": list(products)})


@pytest.mark.parametrize(
    ("same", "other", "learned"),
    [(2, 0, []), (3, 0, [("a:orbis:gadget", "learned", 3, 0, True)]), (9, 1, [("a:orbis:gadget", "learned", 9, 1, True)]), (8, 1, [])],
)
def test_a_name_is_learned_from_three_advisories_of_which_nine_in_ten_agree(
    press: Press, owner: Client, same: int, other: int, learned: list[Any]
) -> None:
    say(press, "gadget", *range(1000, 1000 + same))
    say(press, "widget", *range(2000, 2000 + other))
    learn(press)
    assert listed(owner) == learned


def test_what_people_say_wins_and_survives_learning_anew(press: Press, owner: Client, ledger: Ledger) -> None:
    say(press, "gadget", *range(1000, 1004))
    say(press, "widget", 3000)
    press.say(Source.CVE_LIST, told("CVE-2024-3000", Source.CVE_LIST, "other", "thing", names=True))
    learn(press)
    operator = client_of(owner.http, ledger, owner.org, "operator")
    made = means(operator, "orbis:widget")
    assert made.status_code == 200, made.text
    assert owner.get(f"/jobs/{made.json()['job']}")["kind"] == "advisories.rematch"
    expected = [("a:orbis:gadget", "learned", 4, 0, False), ("a:orbis:widget", "manual", 0, 0, True)]
    assert listed(owner, prefix="gadget") == expected
    learn(press)
    assert listed(owner, prefix="gadget") == expected
    assert listed(owner, manual=True) == expected[1:]
    gone = operator.ask("DELETE", AT, params=WORDS)
    assert (gone.status_code, listed(owner, prefix="gadget")) == (200, [("a:orbis:gadget", "learned", 4, 0, True)])
    assert operator.ask("DELETE", AT, params=WORDS).status_code == 404


def test_a_word_that_agrees_with_what_is_learned_is_learned_again_when_it_is_taken_back(press: Press, owner: Client) -> None:
    say(press, "gadget", *range(1000, 1003))
    learn(press)
    means(owner, "orbis:gadget")
    assert listed(owner) == [("a:orbis:gadget", "manual", 3, 0, True)]
    say(press, "gadget", 1003)
    learn(press)
    assert listed(owner) == [("a:orbis:gadget", "manual", 4, 0, True)]
    owner.ask("DELETE", AT, params=WORDS)
    assert listed(owner) == [("a:orbis:gadget", "learned", 4, 0, True)]


def test_the_last_word_replaces_the_one_before(press: Press, owner: Client) -> None:
    say(press, "gadget", 1000)
    say(press, "widget", 2000)
    assert [one["means"] for one in means(owner, "orbis:gadget", "orbis:widget").json()["items"]] == ["a:orbis:gadget", "a:orbis:widget"]
    means(owner, "orbis:widget")
    assert listed(owner) == [("a:orbis:widget", "manual", 0, 0, True)]


def test_what_means_nothing_known_is_refused_and_nothing_is_changed(press: Press, owner: Client, ledger: Ledger) -> None:
    say(press, "gadget", 1000)
    told_ = means(owner, "orbis:gadget", "orbis:gadgit")
    assert (told_.status_code, told_.json()["field"], told_.json()["did_you_mean"]) == (422, "/means/1", "orbis:gadget")
    for body in ({"product": "n/a", "means": ["orbis:gadget"]}, {"product": "x", "means": []}, {"product": "", "means": ["orbis:gadget"]}):
        assert owner.ask("PUT", AT, json=body).status_code == 422
    assert means(client_of(owner.http, ledger, owner.org, "analyst"), "orbis:gadget").status_code == 403
    assert listed(owner) == []


def test_a_change_has_the_advisories_with_these_words_matched_again(press: Press, org: UUID, ledger: Ledger) -> None:
    say(press, "gadget", 1000)
    press.settle()
    OpenDesk(ledger, org).run(commands, "names", "set", "Gadget Pro", "orbis:gadget", "--vendor", "Orbis")
    (products,) = press.rows(
        "select array_agg(id order by id) from adv_product where vendor = 'orbis' and product in ('gadget', 'gadget pro')"
    )[0]
    with press.wire() as wire:
        assert touch(wire, products) == 1
        assert wire.execute("select k from adv_touched").fetchall() == [(20240000001000,)]


def test_the_command_line_sets_lists_and_takes_back(press: Press, ledger: Ledger, org: UUID) -> None:
    say(press, "gadget", 1000)
    desk = OpenDesk(ledger, org)
    assert "a:orbis:gadget" in desk.run(commands, "names", "set", "Gadget Pro", "orbis:gadget", "--vendor", "Orbis Inc").stdout
    assert '"origin": "manual"' in desk.run(commands, "names", "list", "gadget", "--json").stdout
    assert desk.run(commands, "names", "rm", "Gadget Pro", "--vendor", "Orbis").exit_code == 0
    assert '"total": 0' in desk.run(commands, "names", "list", "--manual", "--json").stdout
