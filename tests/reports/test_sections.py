"""Facts about the words that sections of reports bring along: none is missing in any language, none is of nothing."""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from watchfloor import capabilities
from watchfloor.capabilities.reports.engine.words import CATALOGUES
from watchfloor.catalog import CATALOG

if TYPE_CHECKING:
    from collections.abc import Iterator

SECTIONS = CATALOG.sections()
LANGUAGES = sorted(CATALOGUES)
PLACE = re.compile(r"\{\w*\}")
HOLE = "\0"
# Modules that keep sentences for people mention these; what faces and shapes say, no report shows.
KEEPING = {"notes", "missed", "not_looked_at", "_notes"}
FACES = {"cli", "api", "schemas"}
ONLY = {"reports", "reports_written"}  # what else they keep is about files
FEEDING = {"scans": {"engine/scope.py", "engine/plan.py", "connect/lookup.py"}}
SENTENCE = re.compile(r"(?=.*[A-Za-z]{2}.* .* ).*(\.|[.:] \0)\Z", re.DOTALL)
# Said to those who ask for a job or read a log, never kept with a scan.
ELSEWHERE = {
    "Other parts of this scan are still under way; the last of them ends it.", f"{HOLE} has the tag and is left out: {HOLE}",
    f"line {HOLE}: {HOLE}", f"G7: what came cannot be stored: {HOLE}",
}  # fmt: skip
EACH = pytest.mark.parametrize(("name", "language"), [(name, language) for name in sorted(SECTIONS) for language in LANGUAGES])


@lru_cache
def sentences(name: str) -> frozenset[str]:
    """Return the sentences that a capability keeps for its section, with a hole for each value."""
    found = set[str]()
    for place, tree in _modules(name):
        mentioned = {one.id if isinstance(one, ast.Name) else one.attr if isinstance(one, ast.Attribute) else one.arg
                     for one in ast.walk(tree) if isinstance(one, ast.Name | ast.Attribute | ast.keyword)}  # fmt: skip
        if place in {"report.py", *FEEDING.get(name, ())} or (
            name not in ONLY and mentioned & KEEPING and place.split("/")[0] not in FACES
        ):
            found |= {told for one in _texts(tree) if SENTENCE.match(told := one.replace("{}", HOLE).replace(f"{HOLE} UTC", HOLE))}
    return frozenset(found - ELSEWHERE)


@lru_cache
def labels(name: str) -> frozenset[str]:
    """Return the titles, columns, units and words in cells that a section declares, and what else its numbers and pictures are called."""
    section, found = SECTIONS[name], set[str]()
    for table in section.tables:
        found |= {table.title, table.empty}
        for column in table.columns:
            found |= {column.title, column.unit, *column.words}
    tree = dict(_modules(name))["report.py"]
    for one in ast.walk(tree):
        if isinstance(one, ast.keyword) and one.arg in {"figures", "title"}:
            found |= {text.value for text in ast.walk(one.value) if isinstance(text, ast.Constant) and isinstance(text.value, str)}
        if isinstance(one, ast.Dict):
            for key, value in zip(one.keys, one.values, strict=True):
                if isinstance(key, ast.Constant) and key.value in {"title", "unit", "label"} and isinstance(value, ast.Constant):
                    found.add(str(value.value))
    return frozenset({section.title, *found} - {""})


def _modules(name: str) -> Iterator[tuple[str, ast.Module]]:
    folder = Path(str(resources.files(capabilities))) / name.partition("_")[0]
    for module in sorted(folder.rglob("*.py")):
        yield str(module.relative_to(folder)), ast.parse(module.read_text())


def _texts(node: ast.AST) -> Iterator[str]:
    """Yield texts of code: no docstrings, no errors, no descriptions of fields."""
    if isinstance(node, ast.Raise) or (isinstance(node, ast.keyword) and node.arg == "description"):
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(one.value) if isinstance(one, ast.Constant) else HOLE for one in node.values)
    elif not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
        for one in ast.iter_child_nodes(node):
            yield from _texts(one)


def _fits(told: str, english: str) -> bool:
    """Tell whether code that says `told` can make the sentence of a catalogue, in part at least."""
    pattern = ".*".join(map(re.escape, told.strip(f"{HOLE} ").split(HOLE)))
    return re.search(pattern, PLACE.sub("1", english), re.DOTALL) is not None


@EACH
def test_every_sentence_and_label_of_a_section_has_a_translation(name: str, language: str) -> None:
    known = SECTIONS[name].words[language]
    assert len(sentences(name)) > 3
    assert sorted(labels(name) - set(known)) == []
    assert sorted(one for one in sentences(name) if not any(_fits(one, english) for english in known)) == []


@EACH
def test_no_translation_is_of_nothing(name: str, language: str) -> None:
    source = "".join(
        module.read_text()
        for module in (Path(str(resources.files(capabilities))) / name.partition("_")[0]).rglob("*.py")
        if module.stem not in {"german", "french", "spanish"}
    )
    # Sections of one capability share their words.
    said = frozenset[str]().union(*(labels(one) for one in SECTIONS if one.partition("_")[0] == name.partition("_")[0]))
    left = [
        english
        for english in SECTIONS[name].words[language]
        if english not in said and not any(_fits(one, english) for one in sentences(name))
    ]
    assert [english for english in left if PLACE.search(english) or english not in source] == []


@EACH
def test_languages_say_the_same_things(name: str, language: str) -> None:
    assert set(SECTIONS[name].words[language]) == set(SECTIONS[name].words["de"])
    assert sorted(SECTIONS[name].words) == LANGUAGES


@EACH
def test_translations_keep_their_places(name: str, language: str) -> None:
    words = SECTIONS[name].words[language]
    assert [one for one, told in words.items() if sorted(PLACE.findall(one)) != sorted(PLACE.findall(told))] == []
    assert [one for one, told in words.items() if one == told and one.count(" ") > 1] == []


@pytest.mark.parametrize("name", sorted(SECTIONS))
def test_french_keeps_its_signs_with_their_words(name: str) -> None:
    assert [
        told
        for told in SECTIONS[name].words["fr"].values()
        if re.search("[ \\w][:;?!»](?![\\w/.])|«[^\u00a0]", re.sub("`[^`]*`", "", told))
    ] == []
