"""The hot path's SQL, read from sql/*.sql: named statements, parameters `:name`, fragments `{name}`."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import LiteralString

NAME = re.compile(r"^-- name: (\w+)[^\n]*\n", re.MULTILINE)
PARAMETER = re.compile(r"(?<![:\w]):([a-z_]+)")
FRAGMENT = re.compile(r"\{(\w+)\}")
COMMENT = re.compile(r"--[^\n]*")


@cache
def statement(name: str) -> LiteralString:
    """Return one statement, ready for psycopg: fragments filled in, `:name` turned into `%(name)s`."""
    text = FRAGMENT.sub(lambda found: _texts()[found[1]], _texts()[name])
    text = FRAGMENT.sub(lambda found: _texts()[found[1]], text)
    return PARAMETER.sub(r"%(\1)s", text.replace("%", "%%"))


def names() -> list[str]:
    """Return the names of all statements and fragments."""
    return sorted(_texts())


@cache
def _texts() -> dict[str, str]:
    folder = resources.files(__package__) / "sql"
    texts: dict[str, str] = {}
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        parts = NAME.split(file.read_text(encoding="utf-8"))
        texts |= {name: COMMENT.sub("", body).strip().rstrip(";") for name, body in zip(parts[1::2], parts[2::2], strict=True)}
    return texts
