"""Links: they open one file, for minutes, for whoever has them, and tell nobody else anything."""

from __future__ import annotations

import base64
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.api.floor import client_of
from tests.artifacts.floor import lying_at, put
from watchfloor.kernel import clock
from watchfloor.kernel.artifacts.links import PURPOSE
from watchfloor.kernel.artifacts.places import place_named
from watchfloor.kernel.artifacts.settings import artifact_settings

if TYPE_CHECKING:
    from uuid import UUID

    from tests.api.floor import Client
    from watchfloor.kernel.jobs.ledger import Ledger

CONTENT = b"for whoever has the link"


@pytest.fixture
def artifact(ledger: Ledger, owner: Client) -> UUID:
    """Store CONTENT."""
    return put(ledger, owner.org, CONTENT)


def link(owner: Client, artifact: UUID, **asked: Any) -> str:
    """Make a link and return its address."""
    return str(owner.post(f"/artifacts/{artifact}/links", asked)["url"])


def refused(owner: Client, url: str) -> str:
    """Return what is told about a link that opens nothing, without what differs from request to request."""
    answer = owner.http.get(url)
    assert answer.status_code == 404
    told = answer.json()
    told.pop("request_id")
    return str(told)


def test_a_link_opens_the_file_without_a_key(owner: Client, artifact: UUID) -> None:
    made = owner.post(f"/artifacts/{artifact}/links", {"seconds": 60})
    assert owner.http.get(made["url"]).content == CONTENT
    answer = owner.http.get(made["url"])
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert owner.http.get(made["url"], headers={"Range": "bytes=-4"}).content == b"link"
    left = datetime.fromisoformat(made["expires_at"]) - clock.now()
    assert timedelta(seconds=30) < left <= timedelta(seconds=61)


def test_asking_for_the_headers_of_a_link_does_not_use_it_up(owner: Client, artifact: UUID) -> None:
    once = link(owner, artifact, single_use=True)
    head, again = owner.http.head(once), owner.http.head(once)
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(CONTENT)))
    assert again.status_code == 200
    assert not [one for one in owner.get("/audit")["items"] if one["operation"] == "open_link"]
    answer = owner.http.get(once)
    assert (answer.content, answer.headers["etag"], answer.headers["content-disposition"]) == (
        CONTENT, head.headers["etag"], head.headers["content-disposition"],
    )  # fmt: skip
    assert [owner.http.request(method, once).status_code for method in ("HEAD", "GET")] == [404, 404]


@pytest.mark.parametrize("asked", [{"seconds": 901}, {"seconds": 0}, {"seconds": -5}, {"days": 1}, {"single_use": "perhaps"}])
def test_no_link_lives_longer_than_a_quarter_of_an_hour(owner: Client, artifact: UUID, asked: dict[str, Any]) -> None:
    assert owner.ask("POST", f"/artifacts/{artifact}/links", json=asked).status_code == 422


def test_everything_wrong_with_a_link_sounds_alike(owner: Client, ledger: Ledger, artifact: UUID, postgres: str) -> None:
    good, expired, used = link(owner, artifact), link(owner, artifact), link(owner, artifact, single_use=True)
    assert owner.http.get(used).status_code == 200
    ids = {name: base64.urlsafe_b64decode(url.rpartition("/")[2])[16:32] for name, url in (("expired", expired), ("good", good))}
    with psycopg.connect(postgres) as wire:
        sql = "update artifact_link set expires_at = wf_now() - interval '1 s' where id = encode(%s, 'hex')::uuid"
        assert wire.execute(sql, (ids["expired"],)).rowcount == 1
    names = bytes(32)
    nowhere = base64.urlsafe_b64encode(names + ledger.vault.signer(PURPOSE).sign(names)).decode()
    others = base64.urlsafe_b64encode(names + ledger.vault.signer("something else").sign(names)).decode()
    wrong = [expired, used, *(f"/api/v1/links/{token}" for token in (nowhere, others, "x", "A" * 128, "\u00e9" * 128, "=" * 128))]
    assert len({refused(owner, url) for url in wrong}) == 1
    assert owner.http.get(good).status_code == 200


def test_a_link_changed_in_any_place_opens_nothing(owner: Client, artifact: UUID) -> None:
    url = link(owner, artifact)
    head, _, token = url.rpartition("/")
    for n in range(len(token)):
        changed = token[:n] + ("A" if token[n] != "A" else "B") + token[n + 1 :]
        assert owner.http.get(f"{head}/{changed}").status_code == 404, n
    assert owner.http.get(f"{url}A").status_code == owner.http.get(url[:-1]).status_code == 404


def test_a_link_for_one_use_opens_once_however_many_try(owner: Client, artifact: UUID) -> None:
    url, start = link(owner, artifact, single_use=True), threading.Barrier(8)

    def together(_: int) -> tuple[int, bytes]:
        start.wait()
        answer = owner.http.get(url)
        return answer.status_code, answer.content

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(together, range(8)))
    assert sorted(status for status, _ in answers) == [200] + [404] * 7
    assert [content for status, content in answers if status == 200] == [CONTENT]


def test_a_link_is_worth_no_more_than_the_key_that_made_it(owner: Client, ledger: Ledger, artifact: UUID) -> None:
    analyst = client_of(owner.http, ledger, owner.org, "analyst")
    url = link(analyst, artifact)
    assert owner.http.get(url).status_code == 200
    key = next(key for key in owner.get("/keys")["items"] if key["public_id"] == analyst.key.split("_")[1])
    assert owner.ask("DELETE", f"/keys/{key['id']}").status_code in {200, 204}
    assert owner.http.get(url).status_code == 404


def test_who_may_not_download_makes_no_links(owner: Client, ledger: Ledger, artifact: UUID, stranger: UUID) -> None:
    for role, org, status in (("viewer", owner.org, 403), ("owner", stranger, 404)):
        client = client_of(owner.http, ledger, org, role)
        assert client.ask("POST", f"/artifacts/{artifact}/links", json={}).status_code == status


def test_bytes_that_cannot_be_read_use_nothing_up(owner: Client, ledger: Ledger, artifact: UUID) -> None:
    url, place = link(owner, artifact, single_use=True), place_named(artifact_settings().chosen())
    with ledger.database.transaction(owner.org) as session:
        place.drop(session, owner.org, lying_at(ledger, owner.org, artifact))
    assert owner.http.get(url).status_code == 410
    put(ledger, owner.org, CONTENT)
    assert owner.http.get(url).content == CONTENT


def test_an_answer_without_bytes_uses_nothing_up(owner: Client, artifact: UUID) -> None:
    url = link(owner, artifact, single_use=True)
    assert owner.http.get(url, headers={"Range": "bytes=900-"}).status_code == 416
    assert owner.http.get(url, headers={"If-None-Match": "*"}).status_code == 304
    assert owner.http.head(url).status_code == 200
    assert owner.http.get(url).content == CONTENT
    assert owner.http.get(url, headers={"If-None-Match": "*"}).status_code == 404


def test_making_and_opening_are_written_down(owner: Client, artifact: UUID) -> None:
    url = link(owner, artifact)
    owner.http.get(url)
    entries = {entry["operation"]: entry for entry in owner.get("/audit")["items"]}
    for operation in ("create_artifact_link", "open_link"):
        assert entries[operation]["object"] == str(artifact)
    name = owner.get("/whoami")["name"]
    assert (entries["open_link"]["actor"], entries["create_artifact_link"]["actor"]) == (f"link of {name}", name)
    assert entries["open_link"]["address"] == "127.0.0.1"
    assert url.rpartition("/")[2] not in str(entries)
