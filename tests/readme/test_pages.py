"""Links lead somewhere, lists are complete, numbers and names are those of the program."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest
from docs import generate
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.readme.pages import ROOT, anchors, code, links, pages, read
from watchfloor.doors.cli.run import entries, load
from watchfloor.kernel.terminal import Exit

if TYPE_CHECKING:
    from pathlib import Path

FOREIGN = re.compile(r"[a-z]+://|mailto:")
ROW = re.compile(r"^\| (\S[^|]*?) \|", re.MULTILINE)
COMMAND = re.compile(r"^(?:\./|\.venv/bin/)?(?:watchfloor|wf) ([a-z]\S*)(?: ([a-z]\S*))?")
VARIABLE = re.compile(r"WATCHFLOOR_[A-Z_]+[A-Z](?![A-Z_…])")  # one setting, not a family such as WATCHFLOOR_SCANS_*
PICTURE_MAX_BYTES = 200_000


def relative(page: Path) -> str:
    """Show a page in the test's name."""
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", pages(), ids=relative)
def test_every_link_leads_somewhere(page: Path) -> None:
    dead = []
    for link in links(page.read_text(encoding="utf-8")):
        if FOREIGN.match(link):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target.read_text(encoding="utf-8"))):
            dead.append(link)
    assert dead == []


@pytest.mark.parametrize("page", pages(), ids=relative)
def test_every_command_named_exists(page: Path) -> None:
    unknown = []
    for text in code(page.read_text(encoding="utf-8")):
        found = COMMAND.match(text)
        if found is None:
            continue
        name, below = found.groups()
        entry = entries().get(name)
        inner = getattr(load(name, entry), "commands", None) if entry else None
        if entry is None or (inner is not None and below is not None and below not in inner):
            unknown.append(text)
    assert unknown == []


@pytest.mark.parametrize("page", pages(), ids=relative)
def test_every_setting_named_exists(page: Path) -> None:
    known = set(VARIABLE.findall(read("docs/reference/settings.md"))) | {"WATCHFLOOR_SETTINGS_FILE"}
    assert set(VARIABLE.findall(page.read_text(encoding="utf-8"))) <= known


def test_every_page_can_be_reached_from_the_readme() -> None:
    seen, todo = set(), [ROOT / "README.md"]
    while todo:
        page = todo.pop()
        seen.add(page)
        for link in links(page.read_text(encoding="utf-8")):
            if FOREIGN.match(link):
                continue
            target = (page.parent / link.partition("#")[0]).resolve()
            found = sorted(target.glob("*.md")) if target.is_dir() else [target] if target.suffix == ".md" else []
            todo += [one for one in found if one not in seen]
    assert [relative(page) for page in pages() if page not in seen] == []


def test_the_reference_is_what_the_program_says() -> None:
    assert generate.list_stale() == []


def test_the_readme_tells_the_exit_codes_of_the_program() -> None:
    told = {int(cell) for cell in ROW.findall(read("README.md")) if cell.isdigit()}
    assert told == {int(code) for code in Exit}


def test_dependencies_are_justified_one_by_one() -> None:
    project = tomllib.loads(read("pyproject.toml"))
    asked = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    told = [cell for cell in ROW.findall(read("docs/dependencies.md")) if cell not in {"name", "---"}]
    assert sorted(told) == sorted(canonicalize_name(Requirement(one).name) for one in asked)


def test_dependencies_name_the_locked_versions() -> None:
    locked = dict(re.findall(r"^([a-z0-9-]+)==([^ ;\\]+)", read("requirements-dev.lock"), re.MULTILINE))
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in read("docs/dependencies.md").splitlines() if line.startswith("| ")
    ]
    told = {row[0]: row[-1] for row in rows if row[0] in locked}
    assert told
    assert {name: version for name, version in told.items() if locked[name] != version} == {}


def test_a_glossary_word_has_one_meaning_and_is_not_its_own_opposite() -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in read("docs/glossary.md").splitlines() if line.startswith("| **")
    ]
    words = [word for row in rows for word in re.findall(r"\*\*([^*]+)\*\*", row[0])]
    shunned = {word.partition(" (")[0].strip() for row in rows for word in row[2].split(",")} - {""}
    assert len(words) == len(set(words))
    assert shunned & set(words) - {"host"} == set()


def test_the_picture_tells_nothing_about_the_machine_it_was_made_on() -> None:
    picture = read("docs/pictures/scan.svg")
    assert len(picture) < PICTURE_MAX_BYTES
    assert "watchfloor&#160;scan" in picture
    assert re.findall(r"/(?:home|root|tmp|work|var|usr)/|https?://(?!www\.w3\.org|www\.textualize\.io)\S+|@import|url\(http", picture) == []
