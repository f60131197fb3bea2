"""Facts about the shapes of what webhooks post: published for every event, and what is really posted fits them."""

from __future__ import annotations

import copy
import json
import re
from typing import TYPE_CHECKING

from tests.api.floor import document
from tests.notifications.posted import validator
from watchfloor.capabilities.notifications.engine.digest import DIGEST
from watchfloor.capabilities.notifications.engine.facts import FACTS, facts_in
from watchfloor.capabilities.notifications.engine.grouped import GROUP
from watchfloor.catalog import CATALOG
from watchfloor.kernel.assets.inventory import see
from watchfloor.kernel.contract import Severity
from watchfloor.kernel.findings.ledger import record

if TYPE_CHECKING:
    from tests.notifications.receiver import Receiver
    from tests.notifications.world import World

# What a job that somebody starts by hand says of a scan beside what the scan says itself.
BY_HAND = {"scans.finished": {"total", "critical", "high"}}


def test_every_event_has_a_shape_and_is_published_with_it() -> None:
    assert set(document()["webhooks"]) == {*CATALOG.events(), DIGEST, GROUP}
    for name, (_, shape) in CATALOG.events().items():
        schema = shape.model_json_schema()
        assert schema["type"] == "object", name
        assert schema.get("additionalProperties") is False or not schema.get("properties"), name


def test_the_facts_that_templates_name_are_those_of_the_shapes() -> None:
    for name, (_, shape) in CATALOG.events().items():
        facts = {re.sub("[^a-z0-9]+", "_", one) for one in facts_in(shape.model_json_schema())}
        assert set(FACTS[name]) - BY_HAND.get(name, set()) == facts, name


def test_what_is_posted_of_a_finding_fits_and_less_or_something_else_does_not(world: World, receiver: Receiver) -> None:
    world.route(world.channel(receiver.url), events=("finding.*",))
    with world.ledger.database.transaction(world.org) as session:
        asset = see(session, world.org, kind="host", key="192.0.2.1")
        record(
            session, world.org, key="k", capability="scans", check="c", asset=asset, target="192.0.2.1", port=23, title="t",
            severity=Severity.HIGH, evidence={}, remedy="r", job=None,
        )  # fmt: skip
    world.told(world.sql("select id from event where name = 'finding.opened'")[0][0])
    told = json.loads(receiver.came[0][1])
    assert validator("finding.opened").is_valid(told)
    assert set(told["data"]["facts"]) <= set(facts_in(CATALOG.events()["finding.opened"][1].model_json_schema()))
    without, beside, number, other = (copy.deepcopy(told) for _ in range(4))
    del without["data"]["facts"]
    beside["data"]["new"] = 1
    number["data"]["facts"]["port"] = 23
    other["type"] = "finding.fixed"
    assert not any(validator("finding.opened").is_valid(one) for one in (without, beside, number, other))
