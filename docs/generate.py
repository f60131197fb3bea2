"""Write docs/reference from the program itself; `--check` tells whether what is committed is current."""

# ruff: noqa: INP001 - a script beside the pages it writes

from __future__ import annotations

import argparse
import inspect
import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from watchfloor.catalog import CATALOG
from watchfloor.doors.api import openapi
from watchfloor.doors.cli.run import entries, load
from watchfloor.kernel import errors
from watchfloor.kernel.settings import KernelSettings, list_settings
from watchfloor.kernel.tenancy.permissions import policy
from watchfloor.kernel.terminal import spell

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pydantic.fields import FieldInfo

FOLDER: Final = Path(__file__).resolve().parent / "reference"
NOTICE: Final = "<!-- Written by docs/generate.py. Change the program, then run: .venv/bin/python docs/generate.py -->"


def main(argv: Sequence[str] | None = None) -> int:
    """Write the pages, or compare them; 1 when a committed one is not current."""
    parser = argparse.ArgumentParser(description="Write docs/reference from the program itself.")
    parser.add_argument("--check", action="store_true", help="write nothing, tell which page is not current")
    if parser.parse_args(argv).check:
        stale = list_stale()
        for name in stale:
            sys.stdout.write(f"docs/reference/{name} is not what the program says. Run: .venv/bin/python docs/generate.py\n")
        return 1 if stale else 0
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    return 0


def list_stale() -> list[str]:
    """Return the pages that differ from what the program says, those too that it does not know."""
    wanted = pages()
    there = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()} if FOLDER.is_dir() else {}
    return sorted(name for name in {*wanted, *there} if wanted.get(name) != there.get(name))


def pages() -> dict[str, str]:
    """Return every page by its file name."""
    document = openapi()
    return {
        "settings.md": _page("Settings", SETTINGS, _settings()),
        "jobs.md": _page("Kinds of jobs", JOBS, _jobs()),
        "operations.md": _page("REST operations", OPERATIONS, _operations(document)),
        "events.md": _page("Events", EVENTS, _events()),
        "events.json": json.dumps(_shapes(), indent=2, sort_keys=True) + "\n",
        "errors.md": _page("Errors", ERRORS, _errors()),
        "commands.md": _page("Commands", COMMANDS, _commands()),
        "openapi.json": json.dumps(document, indent=2, sort_keys=True) + "\n",
    }


SETTINGS: Final = (
    "From the environment, else from the settings file, else the default. The file is `settings.env` in the data directory, or the one "
    "that `WATCHFLOOR_SETTINGS_FILE` names; it holds lines `NAME=value`. `watchfloor settings` shows what is in force and where it comes "
    "from. A `WATCHFLOOR_*` that is not listed here stops the start."
)
JOBS: Final = (
    "What can be enqueued, as `GET /api/v1/kinds` lists it. A name, its arguments and its limits are one declaration in the code. "
    "What the columns mean: [jobs](../jobs.md)."
)
OPERATIONS: Final = (
    "Everything under `/api/v1` wants `Authorization: Bearer wf_…`; the role of the key must have the permission. The same as a document "
    "for programs: [openapi.json](openapi.json)."
)
EVENTS: Final = (
    "What the program tells, for routes and watchers. Whoever lacks the permission is not told. A severity that depends on what happened is "
    "the event's own; the one here is what it is as a rule. What an event says is listed below it, and for programs as JSON Schema in "
    "[events.json](events.json). How a webhook posts it, with the facts that each event becomes there, is the part `webhooks` of "
    "[openapi.json](openapi.json)."
)
ERRORS: Final = (
    "What the program raises on purpose. The API answers with the status and, in the body (`application/problem+json`), the code; "
    "the command line prints the sentence and exits with 2."
)
COMMANDS: Final = "`wf` is the same program as `watchfloor`. Every command explains itself with `--help`. Exit codes: 0 clean, 1 findings, 2 error, 3 unknown, 130 interrupted."


def _page(title: str, opening: str, body: Iterable[str]) -> str:
    return "\n".join([NOTICE, "", f"# {title}", "", opening, "", *body]).rstrip() + "\n"


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    lines = [columns, ["---"] * len(columns), *rows]
    return [f"| {' | '.join(_cell(value) for value in line)} |" for line in lines] + [""]


def _cell(value: object) -> str:
    text = " ".join(str("" if value is None else value).split())
    return text.replace("|", "\\|").replace("<", "&lt;") or " "


def _settings() -> Iterator[str]:
    groups: list[tuple[str, Any, str]] = [("Everywhere", KernelSettings, "")]
    groups += [(item.name.capitalize(), item.load(item.settings), item.name) for item in CATALOG if item.settings]
    for heading, model, noun in groups:
        rows = [
            (f"`{setting.name}`", setting.type, _default(field), setting.description)
            for setting, field in zip(list_settings(model, noun), model.model_fields.values(), strict=True)
        ]
        yield from [f"## {heading}", "", *_table(("setting", "type", "default", "meaning"), rows)]


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return "depends on the machine"
    if field.default is None:
        return "not set"
    return spell(field.default) if isinstance(field.default, timedelta) else f"`{field.default}`"


def _jobs() -> Iterator[str]:
    kinds = sorted(CATALOG.kinds().values(), key=lambda kind: kind.name)
    columns = ("kind", "what it does", "queue", "time limit", "soft limit", "tries", "first delay", "longest delay", "result kept", "short")
    rows = [
        (
            f"`{kind.name}`", kind.description, kind.queue, spell(kind.timeout), spell(kind.soft_timeout) if kind.soft_timeout else "",
            kind.attempts, spell(kind.first_delay), spell(kind.max_delay), spell(kind.keep_result), "yes" if kind.short else "",
        )
        for kind in kinds
    ]  # fmt: skip
    yield from _table(columns, rows)
    for kind in kinds:
        fields = kind.arguments.model_fields
        if fields:
            told = [
                (f"`{name}`", "required" if field.is_required() else _default(field), field.description) for name, field in fields.items()
            ]
            yield from [f"## {kind.name}", "", *_table(("argument", "default", "meaning"), told)]


def _operations(document: dict[str, Any]) -> Iterator[str]:
    tags: dict[str, list[tuple[str, ...]]] = {}
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            name = told["operationId"]
            row = (f"`{method.upper()} {path}`", name, policy().permission(name), told.get("description", "").partition("\n")[0])
            tags.setdefault((told.get("tags") or ["other"])[0], []).append(row)
    for tag, rows in tags.items():
        yield from [f"## {tag.capitalize()}", "", *_table(("address", "operation", "permission", "what it does"), sorted(rows))]


def _events() -> Iterator[str]:
    told = sorted(CATALOG.events().items())
    rows = [(f"`{name}`", one.severity, one.permission, one.description) for name, (one, _) in told]
    yield from _table(("event", "severity", "permission", "meaning"), rows)
    for name, (_, shape) in told:
        schema = shape.model_json_schema()
        fields = [(f"`{key}`", _shape(one, schema), one.get("description")) for key, one in schema.get("properties", {}).items()]
        meaning = [*_table(("field", "type", "meaning"), fields)] if fields else [schema["description"], ""]
        yield from [f"## {name}", "", *meaning]


def _shape(one: dict[str, Any], schema: dict[str, Any]) -> str:
    """Return a field's type in a few words; what is inside it stands in the document for programs."""
    match one:
        case {"$ref": name}:
            told = _shape(schema["$defs"][name.rpartition("/")[2]], schema)
        case {"anyOf": several}:
            told = " or ".join("nothing" if each.get("type") == "null" else _shape(each, schema) for each in several)
        case {"enum": words}:
            told = ", ".join(f"`{each}`" for each in words)
        case {"items": inner}:
            told = f"list of {_shape(inner, schema)}"
        case {"properties": inner}:
            told = "of " + ", ".join(f"`{each}`" for each in inner)
        case {"additionalProperties": dict(inner)}:
            told = f"{_shape(inner, schema)} by {_shape(one.get('propertyNames', {}), schema)}"
        case _:
            told = str(one.get("format") or one.get("type", "any"))
    return told


def _shapes() -> dict[str, Any]:
    return {
        name: {"severity": one.severity, "permission": one.permission, "description": one.description, "data": shape.model_json_schema()}
        for name, (one, shape) in CATALOG.events().items()
    }


def _errors() -> Iterator[str]:
    found = [one for one in vars(errors).values() if inspect.isclass(one) and issubclass(one, errors.WatchfloorError)]
    told = [(one.__name__, f"`{one.code}`", one.status, (one.__doc__ or "").partition("\n")[0]) for one in found]
    yield from _table(("error", "code", "HTTP status", "meaning"), told)


def _commands() -> Iterator[str]:
    for name, entry in entries().items():
        command = load(name, entry)
        inner = getattr(command, "commands", None)
        if inner is None:
            yield from _command(f"watchfloor {name}", command)
            continue
        yield from [f"## watchfloor {name}", "", entry.line, ""]
        for below, one in inner.items():
            yield from _command(f"watchfloor {name} {below}", one, depth=3)


def _command(path: str, command: Any, *, depth: int = 2) -> Iterator[str]:  # noqa: ANN401 - one of typer's
    shown = [option for option in command.params if not getattr(option, "hidden", False) and option.name != "help"]
    arguments = [_metavar(option) for option in shown if option.param_type_name == "argument"]
    yield from [f"{'#' * depth} {path}", "", f"    {' '.join([path, *arguments])}", ""]
    yield from [" ".join((command.help or "").split()), ""]
    rows = [(_spelling(option), option.help, _fallback(option)) for option in shown]
    if rows:
        yield from _table(("option", "meaning", "default"), rows)


def _metavar(option: Any) -> str:  # noqa: ANN401 - one of typer's
    name = str(option.metavar or option.name).upper()
    return name if option.required else f"[{name}]"


def _spelling(option: Any) -> str:  # noqa: ANN401 - one of typer's
    if option.param_type_name == "argument":
        return f"`{_metavar(option)}`"
    return " ".join(f"`{word}`" for word in [*option.opts, *option.secondary_opts])


def _fallback(option: Any) -> str:  # noqa: ANN401 - one of typer's
    if option.required:
        return "required"
    if isinstance(option.show_default, str):
        return option.show_default
    default = option.default
    if default in (None, False) or callable(default):
        return ""
    return spell(default) if isinstance(default, timedelta) else f"`{default}`"


if __name__ == "__main__":
    sys.exit(main())
