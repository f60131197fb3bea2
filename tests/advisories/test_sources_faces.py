"""Sources as an operator sees them: switched on and off, asked now, and of which files nothing is taken."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.api.floor import Client, client_of
from tests.cli.desk import OpenDesk
from watchfloor.capabilities.advisories.cli import commands
from watchfloor.capabilities.advisories.cli.sources import complete_source
from watchfloor.capabilities.advisories.jobs import import_files
from watchfloor.capabilities.advisories.jobs.importing import ImportFiles
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import NotFound
from watchfloor.kernel.jobs.enqueue import submit
from watchfloor.kernel.jobs.queries import open_result

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from tests.api.worker import Worker
    from watchfloor.kernel.jobs.ledger import Ledger

RECORDED = Path(__file__).parent.parent / "recorded" / "advisories"
AT = "/advisories/sources"


@pytest.fixture(autouse=True)
def _nothing_switched(postgres: str) -> Iterator[None]:
    """Leave no word of an operator behind: it is not an organisation's."""
    yield
    with psycopg.connect(postgres, autocommit=True) as wire:
        wire.execute(
            "truncate adv_source, adv_stream, adv_raw, adv_fact, adv_metric, adv_criterion, adv_exploit, adv_cve, adv_text, adv_touched"
        )


@pytest.fixture
def desk(ledger: Ledger, org: UUID) -> OpenDesk:
    return OpenDesk(ledger, org)


def audited(ledger: Ledger, org: UUID) -> list[tuple[str, str, str]]:
    with ledger.database.transaction(org) as session:
        return (
            wire_of(session)
            .execute("select operation, object, actor from audit_entry where operation like 'source.%' order by operation")
            .fetchall()
        )


def test_an_administrator_switches_a_source_and_it_is_written_down_who(owner: Client, ledger: Ledger) -> None:
    assert owner.get(f"{AT}/epss")["enabled"] is True
    answer = owner.ask("PATCH", f"{AT}/epss", json={"enabled": False})
    assert (answer.status_code, answer.json()["enabled"], answer.json()["state"]) == (200, False, "off")
    assert {one["name"] for one in owner.get(AT) if one["enabled"]} == {"nvd", "cve-list", "kev", "eu-kev", "euvd"}
    owner.ask("PATCH", f"{AT}/epss", json={"enabled": True})
    assert owner.get(f"{AT}/epss")["state"] == "never"
    actor = owner.get("/whoami")["name"]
    assert audited(ledger, owner.org) == [("source.disable", "epss", actor), ("source.enable", "epss", actor)]


@pytest.mark.parametrize(("role", "code"), [("viewer", 403), ("analyst", 403), ("operator", 403), ("admin", 200)])
def test_only_administrators_switch_sources(owner: Client, ledger: Ledger, role: str, code: int) -> None:
    somebody = client_of(owner.http, ledger, owner.org, role)
    assert somebody.ask("PATCH", f"{AT}/euvd", json={"enabled": False}).status_code == code


@pytest.mark.parametrize("body", [{}, {"enabled": None}, {"enabled": "perhaps"}, {"enabled": True, "name": "x"}])
def test_a_change_that_says_nothing_or_too_much_is_refused(owner: Client, body: dict[str, Any]) -> None:
    assert owner.ask("PATCH", f"{AT}/euvd", json=body).status_code == 422


def test_a_source_that_there_is_not_is_a_404_that_names_the_nearest(owner: Client) -> None:
    for method, path, body in (("GET", "", None), ("PATCH", "", {"enabled": True}), ("POST", "/sync", {})):
        answer = owner.ask(method, f"{AT}/epps{path}", json=body)
        assert (answer.status_code, "did you mean epss?" in answer.json()["detail"]) == (404, True)


def test_an_operator_asks_a_source_now_and_an_equal_run_stands_for_it(owner: Client, ledger: Ledger) -> None:
    operator = client_of(owner.http, ledger, owner.org, "operator")
    first = operator.ask("POST", f"{AT}/kev/sync", json={"full": True})
    task = first.json()
    assert (first.status_code, task["kind"], task["coalesced"]) == (202, "advisories.update_vulnerabilities", False)
    assert first.headers["location"] == f"/api/v1/tasks/{task['id']}"
    assert owner.get(f"/jobs/{task['id']}/arguments") == {"sources": ["kev"], "full": True, "force": True}
    again = operator.ask("POST", f"{AT}/kev/sync", json={"full": True})
    assert (again.status_code, again.json()["id"], again.json()["coalesced"]) == (202, task["id"], True)
    assert operator.ask("POST", f"{AT}/kev/sync").json()["coalesced"] is False


def test_who_only_reads_asks_no_source(owner: Client, ledger: Ledger) -> None:
    assert client_of(owner.http, ledger, owner.org, "viewer").ask("POST", f"{AT}/kev/sync").status_code == 403


def test_a_source_that_cannot_be_asked_is_refused_with_what_to_do(owner: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    told = owner.ask("POST", f"{AT}/overrides/sync")
    assert (told.status_code, "comes from files only" in told.json()["detail"]) == (422, True)
    owner.ask("PATCH", f"{AT}/kev", json={"enabled": False})
    told = owner.ask("POST", f"{AT}/kev/sync")
    assert (told.status_code, "watchfloor advisories enable kev" in told.json()["detail"]) == (409, True)
    monkeypatch.setenv("WATCHFLOOR_ADVISORIES_OFFLINE", "true")
    told = owner.ask("POST", f"{AT}/nvd/sync")
    assert (told.status_code, "offline" in told.json()["detail"]) == (409, True)


def test_the_command_line_switches_sources(desk: OpenDesk, ledger: Ledger, org: UUID) -> None:
    off = desk.run(commands, "disable", "euvd")
    assert (off.exit_code, off.stdout) == (0, "euvd is disabled.\n")
    on = desk.run(commands, "enable", "overrides", "--json")
    assert (on.exit_code, '"enabled": true' in on.stdout) == (0, True)
    assert audited(ledger, org) == [("source.disable", "euvd", "cli"), ("source.enable", "overrides", "cli")]
    assert isinstance(desk.run(commands, "enable", "ndv").exception, NotFound)


def test_names_of_sources_are_completed() -> None:
    assert complete_source("e") == ["eu-kev", "euvd", "epss", "exploits"]


def taken(worker: Worker, org: UUID, name: str) -> tuple[int, str]:
    """Import one recorded file; return how many documents of its source are known then, and what was said of it."""
    made = submit(worker.ledger, org, import_files, ImportFiles(paths=[name]))
    worker.run_all(org)
    with worker.ledger.database.transaction(org) as session:
        result = open_result(worker.ledger, session, org, made.id)
        assert result is not None
        told = str(result["sources"][0]["message"])
        ((count,),) = wire_of(session).execute("select count(*) from adv_raw where src in (7, 8)").fetchall()
    return count, told


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WATCHFLOOR_ADVISORIES_IMPORT_DIR", str(tmp_path))
    shutil.copy(RECORDED / "overrides" / "overrides.jsonl", tmp_path)
    shutil.copy(RECORDED / "exploits" / "ids.txt", tmp_path)
    return tmp_path


@pytest.mark.parametrize(("file", "source"), [("overrides.jsonl", "overrides"), ("ids.txt", "exploits")])
def test_files_of_a_source_that_nobody_enabled_are_refused_and_taken_once_it_is(
    worker: Worker, org: UUID, desk: OpenDesk, folder: Path, file: str, source: str
) -> None:
    assert (folder / file).is_file()
    assert taken(worker, org, file) == (
        0,
        f"{file} is of {source}, which is not enabled; enable it and import again: watchfloor advisories enable {source}",
    )
    assert desk.run(commands, "enable", source).exit_code == 0
    count, told = taken(worker, org, file)
    assert count > 0
    assert "not enabled" not in told


def test_the_settings_enable_sources_of_files_until_an_operator_disables_them(
    worker: Worker, org: UUID, desk: OpenDesk, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHFLOOR_ADVISORIES_OPTIONAL_SOURCES", "overrides")
    assert folder.is_dir()
    assert desk.run(commands, "disable", "overrides").exit_code == 0
    assert "not enabled" in taken(worker, org, "overrides.jsonl")[1]
    assert desk.run(commands, "enable", "overrides").exit_code == 0
    assert taken(worker, org, "overrides.jsonl")[0] > 0
