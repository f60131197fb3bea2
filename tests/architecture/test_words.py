"""Names and sentences: no shelves, no shadows, and each module says what it is."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

from tests.architecture.source import modules

SHELVES = {
    *("util", "utils", "helper", "helpers", "common", "manager", "managers", "service", "services", "base", "core", "misc"),
    *("shared", "includes", "stuff", "lib", "tools", "handlers", "processors"),
}
FIXED = {"__init__", "__main__"}


def test_no_file_or_folder_is_a_shelf() -> None:
    named = {part for module in modules() for part in Path(module.path).with_suffix("").parts}
    assert named & SHELVES == set()


def test_no_file_is_named_like_the_standard_library() -> None:
    shadows = [module.path for module in modules() if Path(module.path).stem in sys.stdlib_module_names - FIXED]
    assert shadows == []


def test_every_module_starts_with_a_sentence() -> None:
    silent = []
    for module in modules():
        first = (ast.get_docstring(module.tree) or "").partition("\n")[0]
        if " " not in first or not first.endswith((".", "?")):
            silent.append(f"{module.path}: {first!r}")
    assert silent == []
