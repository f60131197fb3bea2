"""Type a page's commands into one shell, as a reader does: some end, some stay until the page is over."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.readme import island
from tests.readme.pages import ROOT
from tests.servers.server import folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.readme.pages import Command

PATIENCE_S = 300
BEGINS_S = 40
# What tells that a command which stays has begun: a port that answers. The others are shown to work by what follows them.
PORTS = {"./watchfloor up": 8000, "./watchfloor api": 8000, "python3 -m http.server": 8080}


@dataclass(frozen=True)
class Done:
    """How one command ended and what it said."""

    command: Command
    code: int
    out: str
    err: str


@contextmanager
def home() -> Iterator[Path]:
    """Make a data directory that the services' account may pass through."""
    with folder("readme") as made:
        yield made / "data"


def type_in(
    commands: Sequence[Command], data_dir: Path, *, instead: Mapping[str, str] | None = None, on_island: bool = True
) -> list[Done]:
    """Run all commands in one shell, in the repository; `instead` gives other values to exported variables.

    A command that stays ends before the next one that needs its place, and at the latest with the page: by SIGTERM or, where that
    is a reader's Ctrl-C, SIGINT.
    """
    with tempfile.TemporaryDirectory(prefix="wf-typed-") as typed:
        script = Path(typed) / "script"
        script.write_text(_script(commands, typed, instead or {}), encoding="utf-8")
        kept = {name: value for name, value in os.environ.items() if not name.startswith("WATCHFLOOR_")}
        environment = {**kept, "WATCHFLOOR_DATA_DIR": str(data_dir), "COLUMNS": "100"}
        child = subprocess.Popen(
            ["bash", script], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, preexec_fn=island.enter if on_island else None, start_new_session=True,  # noqa: PLW1509 - system calls only
        )  # fmt: skip
        try:
            child.wait(PATIENCE_S)
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        return [_done(command, Path(typed), number) for number, command in enumerate(commands)]


def _script(commands: Sequence[Command], typed: str, instead: Mapping[str, str]) -> str:
    lines = ["declare -A stays", STOP]
    for number, command in enumerate(commands):
        files = f">{typed}/{number}.out 2>{typed}/{number}.err"
        text = _replaced(command.text, instead)
        if command.stays:
            port = next((port for words, port in PORTS.items() if text.startswith(words)), 0)
            # A page asks for the first terminal again: what ran there was ended by Ctrl-C.
            lines += ["stop"] if text.startswith("./watchfloor up") else []
            lines += [f"{text} {files} &", f"stays[{number}]=$!", f"begun {port}"]
        else:
            lines += [f"{{ {text} ; }} {files}", f"echo $? >{typed}/{number}.code"]
    return "\n".join([*lines, "stop"]).replace("$TYPED", shlex.quote(typed)) + "\n"


STOP = f"""
stop() {{
  for number in "${{!stays[@]}}"; do kill -TERM "${{stays[$number]}}"; done
  for number in "${{!stays[@]}}"; do wait "${{stays[$number]}}"; echo $? >$TYPED/$number.code; unset "stays[$number]"; done
}}
begun() {{
  [ "$1" = 0 ] && return
  for _ in $(seq {BEGINS_S * 10}); do (: </dev/tcp/127.0.0.1/$1) 2>/dev/null && return; read -rt 0.1 <> <(:); done
}}
"""


def _replaced(text: str, instead: Mapping[str, str]) -> str:
    words = text.partition(" ")[2].partition("=")[0] if text.startswith("export ") else ""
    return f"export {words}={shlex.quote(instead[words])}" if words in instead else text


def _done(command: Command, typed: Path, number: int) -> Done:
    def said(end: str) -> str:
        file = typed / f"{number}.{end}"
        return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""

    return Done(command, int(said("code") or -1), said("out"), said("err"))
