"""The product's source as syntax trees, for rules that imports cannot say."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "watchfloor"


@dataclass(frozen=True)
class Module:
    """One file of the package; `path` is relative to `src/watchfloor`."""

    path: str
    tree: ast.Module

    @property
    def name(self) -> str:
        """Return the name it is imported by."""
        parts = ["watchfloor", *Path(self.path).with_suffix("").parts]
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def within(self, *places: str) -> bool:
        """Tell whether the module is, or lies in, one of these paths; `*` stands for one folder."""
        parents = [Path(self.path), *Path(self.path).parents]
        return any(parent.match(place) and len(parent.parts) == len(Path(place).parts) for parent in parents for place in places)

    def imports(self) -> Iterator[tuple[int, str]]:
        """Yield line and full name of everything imported, also inside functions and for type checkers."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)

    def called(self) -> Iterator[tuple[int, str]]:
        """Yield line and last name of everything called: `x.y.commit()` gives `commit`."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                yield node.lineno, node.func.attr
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                yield node.lineno, node.func.id


@cache
def modules() -> tuple[Module, ...]:
    """Return every module of the package."""
    files = sorted(PACKAGE.rglob("*.py"))
    return tuple(Module(str(file.relative_to(PACKAGE)), ast.parse(file.read_text(encoding="utf-8"))) for file in files)


def importers(*libraries: str, allowed: tuple[str, ...]) -> list[str]:
    """Return `file:line library` for each import of these libraries outside the allowed places."""
    return [
        f"{module.path}:{line} {name}"
        for module in modules()
        if not module.within(*allowed)
        for line, name in module.imports()
        if any(name == library or name.startswith(f"{library}.") for library in libraries)
    ]


def callers(*names: str, allowed: tuple[str, ...]) -> list[str]:
    """Return `file:line name` for each call of something so named outside the allowed places."""
    return [
        f"{module.path}:{line} {name}"
        for module in modules()
        if not module.within(*allowed)
        for line, name in module.called()
        if name in names
    ]
