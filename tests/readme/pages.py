"""The documentation as tests read it: pages, commands, links."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"(?:^ {4}\S.*\n?)+", re.MULTILINE)
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
EXPECTED = re.compile(r"\s+# exit code (\d+)(?: or (\d+))?$")
STAYS = re.compile(
    r"(?:\./watchfloor (?:up|api|worker|scheduler|notifications listen)|\S*celery -A watchfloor (?:worker|beat|flower)|python3 -m http\.server)\b"
)


@dataclass(frozen=True)
class Command:
    """One line of a shell block: what to type, how it may end, and whether it stays in the foreground."""

    text: str
    codes: frozenset[int]

    @property
    def stays(self) -> bool:
        """Tell whether it runs until it is stopped."""
        return STAYS.match(self.text) is not None


def pages() -> list[Path]:
    """Return every page."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")])


def read(page: Path | str) -> str:
    """Return a page's text."""
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    """Return the fenced blocks of one language."""
    return [body for found, body in FENCE.findall(text) if found == language]


def commands(text: str) -> list[Command]:
    """Return the commands of all shell blocks, in order."""
    lines = [line for block in blocks(text, "sh") for line in block.splitlines() if line.strip()]
    return [_command(line) for line in lines]


def _command(line: str) -> Command:
    expected = EXPECTED.search(line)
    codes = frozenset(int(code) for code in expected.groups() if code) if expected else frozenset({0})
    return Command(EXPECTED.sub("", line), codes)


def code(text: str) -> list[str]:
    """Return everything written as code: shell blocks, indented blocks and inline."""
    prose = FENCE.sub("", text)
    indented = [line.strip() for found in INDENTED.findall(prose) for line in found.splitlines()]
    return [*(command.text for command in commands(text)), *indented, *CODE.findall(prose)]


def links(text: str) -> list[str]:
    """Return the addresses of links and pictures."""
    return LINK.findall(CODE.sub("", FENCE.sub("", text)))


def anchors(text: str) -> set[str]:
    """Return what a link's # part may name: headings, spelt as code forges do."""
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in HEADING.findall(FENCE.sub("", text))]
    return set(plain)
