"""`wf advisories` for reading: what is printed for people and for programs, and what exit codes mean."""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.advisories import shelf
from tests.advisories.stock import LOG4J, NVD, SSH, stocked
from tests.cli.command import wf
from tests.cli.desk import OpenDesk
from watchfloor.capabilities.advisories.cli import commands
from watchfloor.capabilities.advisories.cli.search import complete_band, complete_exposure, complete_query
from watchfloor.capabilities.advisories.cli.watches import complete_kind
from watchfloor.kernel.errors import InvalidInput, NotFound
from watchfloor.kernel.terminal import Exit

if TYPE_CHECKING:
    from uuid import UUID

    from watchfloor.kernel.jobs.ledger import Ledger

__all__ = ["stocked"]


@pytest.fixture
def desk(ledger: Ledger, org: UUID, stocked: None) -> OpenDesk:
    """Lend a floor whose database has the shelf."""
    del stocked
    return OpenDesk(ledger, org)


def told(desk: OpenDesk, *arguments: str, code: int = 0) -> str:
    """Return what a command prints; it must end with this code."""
    result = desk.run(commands, *arguments)
    assert result.exit_code == code, result.output
    return result.stdout


def document(desk: OpenDesk, *arguments: str, code: int = 0) -> Any:
    return json.loads(told(desk, *arguments, "--json", code=code))


def test_a_search_prints_a_table_and_how_many_there_are(desk: OpenDesk) -> None:
    text = told(desk, "search", "product:openssh", "-cvss>9", "-published:2020")
    assert [line.split()[0] for line in text.splitlines()[1:3]] == [SSH, "CVE-2018-15473"]
    assert text.splitlines()[-1] == "2 advisories, in the order -priority."
    assert "KEV, EU KEV, ransomware, weaponised" in told(desk, "search", LOG4J)


def test_a_search_for_programs_is_what_rest_answers(desk: OpenDesk) -> None:
    found = document(desk, "search", "kev:true", "--facets")
    assert ([one["id"] for one in found["items"]], found["total"], found["next_cursor"]) == ([LOG4J], 1, None)
    assert found["facets"]["vendor"]["values"] == [{"value": "apache", "count": 1}]


def test_pages_follow_each_other(desk: OpenDesk) -> None:
    first = document(desk, "search", "--sort", "id", "--limit", "5")
    second = document(desk, "search", "--sort", "id", "--limit", "5", "--cursor", first["next_cursor"])
    assert [one["id"] for one in first["items"] + second["items"]] == [
        one.cve_id for one in sorted(shelf.ADVISORIES, key=lambda one: one.k)
    ]


@pytest.mark.parametrize(
    ("query", "band", "code"),
    [("kev:true", "critical", Exit.FINDINGS), (SSH, "critical", Exit.CLEAN), (SSH, "medium", Exit.FINDINGS), ("xyzzy", "info", Exit.CLEAN)],
)
def test_the_exit_code_tells_of_urgent_hits_when_asked(desk: OpenDesk, query: str, band: str, code: Exit) -> None:
    told(desk, "search", query, "--fail-on", band, code=code)


def test_what_is_not_understood_is_pointed_at(desk: OpenDesk) -> None:
    result = desk.run(commands, "search", "openssh prduct:x")
    assert isinstance(result.exception, InvalidInput)
    assert result.stderr.splitlines()[:2] == ["  openssh prduct:x", "          ^^^^^^"]
    assert "did you mean product" in str(result.exception)
    assert isinstance(desk.run(commands, "search", "--fail-on", "urgent").exception, InvalidInput)


def test_fields_of_the_language_are_listed_and_completed(desk: OpenDesk) -> None:
    assert "product" in told(desk, "search", "--fields")
    assert {"field", "about"} == set(document(desk, "search", "--fields")[0])
    assert complete_query("kev:true -pub") == ["kev:true -published:"]


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("severity:h", ["severity:high"]), ("kev:true -severity:high,l", ["kev:true -severity:high,low"]), ("band:me", ["band:medium"]),
        ("severity:high,hi", []), ("nothing:x", []), ("kev:", ["kev:true", "kev:false"]), ("ssvc:act", ["ssvc:active"]),
    ],
)  # fmt: skip
def test_values_that_a_field_knows_by_itself_are_completed(typed: str, offered: list[str]) -> None:
    assert complete_query(typed)[: len(offered) + 1] == offered


def test_bands_exposures_and_what_may_happen_are_completed() -> None:
    assert (complete_band("h"), complete_band("X")) == (["high"], [])
    assert complete_exposure("in") == ["internet", "internal"]
    assert complete_kind("kev_a") == ["kev_added"]
    assert complete_kind("match.b") == ["match.band_changed"]
    assert complete_kind("advisory.rem") == ["advisory.removed"]
    assert "removed" in complete_kind("")


def test_show_tells_who_says_what_and_why_it_is_urgent(desk: OpenDesk) -> None:
    text = told(desk, "show", LOG4J)
    for part in (
        "CRITICAL 92.5", "Apache Log4j2 JNDI", "Priority", "exploitation", "of 45", "At least", "BOD 26-04", "Not legal advice",
        "CISA KEV: added 2021-12-10, due 2021-12-24, ransomware.", "EPSS: 94.36%", "apache log4j", ">= 2.0, < 2.15.0", "https://logging.apache.org/",
        "band changed", "GHSA-jfh8-c2jp-5v3q", "1 documents about it could not be read", "not endorsed or certified by the NVD",
    ):  # fmt: skip
        assert part in text, part
    assert "\x1b" not in text
    found = document(desk, "show", LOG4J)
    assert (found["id"], len(found["history"]), found["affected"][0]["product"]) == (LOG4J, 2, "log4j")


def test_show_raw_prints_the_document_as_it_came(desk: OpenDesk) -> None:
    assert json.loads(told(desk, "show", LOG4J, "--raw", "nvd")) == NVD
    assert isinstance(desk.run(commands, "show", LOG4J, "--raw", "euvd").exception, NotFound)
    assert isinstance(desk.run(commands, "show", LOG4J, "--raw", "moon").exception, InvalidInput)
    assert isinstance(desk.run(commands, "show", "CVE-2020-0001").exception, NotFound)


class Terminal(io.StringIO):
    """Takes itself for a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        """Return what a terminal does."""
        return True


@pytest.mark.parametrize(("variable", "coloured"), [(None, True), ("NO_COLOR", False)])
def test_a_terminal_gets_colours_unless_it_wants_none(
    desk: OpenDesk, monkeypatch: pytest.MonkeyPatch, variable: str | None, *, coloured: bool
) -> None:
    from watchfloor.capabilities.advisories.cli import sheet  # noqa: PLC0415 - after the fixture
    from watchfloor.capabilities.advisories.queries import record  # noqa: PLC0415 - see above
    from watchfloor.kernel.db.session import wire_of  # noqa: PLC0415 - see above

    with desk.ledger.database.transaction(desk.org) as session:
        wire = wire_of(session)
        found = record.get_record(wire, LOG4J, on=shelf.TODAY, least=0.5)
        affected, changes = record.list_affected(wire, LOG4J), record.list_history(wire, LOG4J)
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    if variable:
        monkeypatch.setenv(variable, "1")
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    sheet.show(found.model_copy(update={"title": "\x1b]0;evil\x07[red]title"}), affected, changes, whole=True)
    text = screen.getvalue()
    assert ("\x1b[1;37;41m" in text) is coloured
    assert "\x1b]0;" not in text
    assert "[red]title" in text


def test_a_score_is_worked_out_for_an_asset(desk: OpenDesk) -> None:
    near = document(desk, "score", SSH, "--exposure", "internet", "--on", "2026-08-20")
    far = document(desk, "score", SSH, "--exposure", "isolated", "--on", "2026-08-20")
    assert near["priority"] > far["priority"]
    assert "exposure internet, confidence 50%" in told(desk, "score", SSH, "--exposure", "internet", "--confidence", "0.5")
    assert isinstance(desk.run(commands, "score", SSH, "--exposure", "moon").exception, InvalidInput)
    assert isinstance(desk.run(commands, "score", SSH, "--on", "soon").exception, InvalidInput)


def test_catalogs_and_their_changes_are_listed(desk: OpenDesk) -> None:
    assert told(desk, "kev").splitlines()[-1] == "3 entries."
    assert [one["id"] for one in document(desk, "kev", "--catalog", "eu-kev")["items"]] == ["CVE-2026-1002", LOG4J]
    assert [one["kind"] for one in document(desk, "kev", "--changes", "--since", "2021-12-01")["items"]] == ["advisory.kev_added"]
    assert document(desk, "kev", "--changes", "--since", "2022-01-01")["items"] == []
    assert isinstance(desk.run(commands, "kev", "--since", "2022-01-01").exception, InvalidInput)


def test_products_are_listed_by_the_beginning_of_a_name(desk: OpenDesk) -> None:
    assert [one["product"] for one in document(desk, "products", "open")] == ["openssh"]
    assert "openbsd" in told(desk, "products", "openbsd:")


def test_status_is_unknown_where_a_source_failed_or_was_never_read(desk: OpenDesk) -> None:
    text = told(desk, "status", code=Exit.UNKNOWN)
    assert [line.split()[:2] for line in text.splitlines()[1:3]] == [["nvd", "ok"], ["cve-list", "never"]]
    assert {one["name"]: one["state"] for one in document(desk, "status", code=Exit.UNKNOWN)}["epss"] == "failing"


def test_refused_documents_are_listed(desk: OpenDesk) -> None:
    assert "not JSON" in told(desk, "rejects", "--source", "nvd")
    assert document(desk, "rejects", "--source", "euvd")["items"] == []


def test_the_help_names_the_commands_and_loads_no_database() -> None:
    found = wf("advisories", "--help")
    assert found.returncode == 0, found.stderr
    for name in ("search", "show", "score", "kev", "products", "status", "rejects", "sync"):
        assert f" {name} " in found.stdout


def test_a_product_is_matched_from_the_command_line(desk: OpenDesk) -> None:
    text = told(desk, "match", "openssh 9.3p1", "--exposure", "internet", "--fail-on", "medium", code=Exit.FINDINGS)
    assert SSH in text
    assert document(desk, "match", "openssh 9.9p1")["matches_total"] == 0
    assert document(desk, "match", "cpe:2.3:a:openbsd:openssh:*:*:*:*:*:*:*:*", code=Exit.UNKNOWN)["matches_total"] == 0
    assert isinstance(desk.run(commands, "match", "cpe:nonsense").exception, InvalidInput)
