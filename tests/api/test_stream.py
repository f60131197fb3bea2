"""Jobs as server-sent events, over a real connection."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.api.floor import Client, client_of, served, work
from watchfloor.catalog import CATALOG
from watchfloor.doors.api import make_app
from watchfloor.kernel.jobs import stream
from watchfloor.kernel.settings import kernel_settings
from watchfloor.kernel.tenancy.keys import revoke
from watchfloor.kernel.tenancy.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    import pytest

    from watchfloor.kernel.jobs.ledger import Ledger

Event = tuple[str, dict[str, Any]]


@contextmanager
def follow(client: Client, path: str, **headers: str) -> Iterator[Iterator[Event]]:
    """Open a stream; iterating waits for the next event."""
    asked = {"Authorization": f"Bearer {client.key}", **headers}
    with client.http.stream("GET", f"/api/v1{path}", headers=asked) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        assert next(lines) == "retry: 2000"  # from here on we follow
        yield events(lines)


def events(lines: Iterator[str]) -> Iterator[Event]:
    name = ""
    for line in lines:
        if line.startswith("id: "):
            name = line[4:]
        elif line.startswith("data: "):
            yield name, json.loads(line[6:])


def test_a_jobs_stream_tells_it_as_it_is_and_ends_with_it(owner: Client, ledger: Ledger) -> None:
    job = owner.submit("jobs.wait", arguments={"seconds": 0})
    with follow(owner, f"/jobs/{job}/stream") as told:
        assert next(told)[1]["state"] == "PENDING"
        work(ledger, job)
        *_, (_, last) = told
    assert last["state"] == "SUCCESS"


def test_a_stream_of_an_ended_job_ends_at_once(owner: Client, ledger: Ledger) -> None:
    job = owner.submit()
    work(ledger, job)
    with follow(owner, f"/jobs/{job}/stream") as told:
        assert [event["state"] for _, event in told] == ["SUCCESS"]


def test_another_orgs_jobs_are_not_told(owner: Client, ledger: Ledger, stranger: UUID) -> None:
    other = client_of(owner.http, ledger, stranger, "owner")
    with follow(owner, "/events") as told:
        foreign = other.submit()
        work(ledger, foreign)
        mine = owner.submit()
        assert next(told)[1]["id"] == str(mine)
    assert other.ask("GET", f"/jobs/{mine}/stream").status_code == 404


def test_a_stream_resumes_where_it_was_left(owner: Client, ledger: Ledger) -> None:
    first = owner.submit()
    with follow(owner, "/events") as told:
        work(ledger, first)
        position, event = next(told)
        while event["state"] != "SUCCESS":
            position, event = next(told)
    missed = [owner.submit(), owner.submit()]
    work(ledger, missed[0])
    with follow(owner, "/events", **{"Last-Event-ID": position}) as told:
        resumed = [next(told)[1], next(told)[1]]
    assert {event["id"]: event["state"] for event in resumed} == {str(missed[0]): "SUCCESS", str(missed[1]): "PENDING"}


def test_a_last_event_id_of_nobody_is_a_clear_error(owner: Client) -> None:
    for text in ("x", "2030-01-01T00:00:00+00:00/x", "/", "0001-01-01T00:00:00+23:59/00000000-0000-7000-8000-000000000000"):
        answer = owner.ask("GET", "/events", headers={"Last-Event-ID": text})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input"), text


def test_a_key_has_a_bounded_number_of_streams(ledger: Ledger, org: UUID) -> None:
    with served(make_app(ledger, CATALOG, kernel_settings(), limits=Limits(streams=1))) as http:
        owner = client_of(http, ledger, org, "owner")
        with follow(owner, "/events"):
            assert owner.ask("GET", "/events").status_code == 429


def test_a_revoked_keys_stream_ends(owner: Client, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "CHECK_S", 0.0)
    key = owner.get("/keys")["items"][0]["id"]
    with follow(owner, "/events") as told:
        revoke(ledger, owner.org, key, actor="test")
        assert list(told) == []
