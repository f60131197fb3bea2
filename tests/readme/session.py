"""Type a page's commands into one shell, as a reader does: some end, some stay until Ctrl-C."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from tests.readme import island
from tests.readme.pages import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tests.readme.pages import Command

BEGINS_S = 60
# What tells that a command which stays has begun: a port that answers. The others are shown to work by what follows them.
PORTS = {"./watchfloor up": 8000, "./watchfloor api": 8000, "./watchfloor notifications listen": 8926, "python3 -m http.server": 8080}
# Every event is a line on file descriptor 9: done, begun or ended, the command's number, its exit code.
FUNCTIONS = f"""
declare -A stays
stop() {{
  for number in "${{!stays[@]}}"; do kill -INT "${{stays[$number]}}"; done
  for number in "${{!stays[@]}}"; do wait "${{stays[$number]}}"; echo "ended $number $?" >&9; unset "stays[$number]"; done
}}
begun() {{
  [ "$2" = 0 ] && {{ echo "begun $1 0" >&9; return; }}
  for _ in $(seq {BEGINS_S * 10}); do
    (: </dev/tcp/127.0.0.1/$2) 2>/dev/null && {{ echo "begun $1 0" >&9; return; }}
    kill -0 "${{stays[$1]}}" || break
    read -rt 0.1 <> <(:)
  done
  echo "begun $1 1" >&9
}}
set -m # background commands hear Ctrl-C
"""


@dataclass(frozen=True)
class Done:
    """How one command ended, or whether it began, and what it has said so far."""

    code: int
    out: str
    err: str


class Shell:
    """One bash that works through a page; use it as a context manager."""

    def __init__(self, commands: Sequence[Command], scratch: Path, *, instead: Mapping[str, str] | None = None) -> None:
        """Prepare; `instead` gives other values to exported variables."""
        self.commands = list(commands)
        self._scratch, self._instead = scratch, instead or {}
        self._codes: dict[tuple[str, int], int] = {}

    def __enter__(self) -> Self:
        """Begin to type."""
        script = self._scratch / "script"
        script.write_text(self._script(), encoding="utf-8")
        kept = {name: value for name, value in os.environ.items() if not name.startswith("WATCHFLOOR_")}
        environment = {**kept, "WATCHFLOOR_DATA_DIR": str(self._scratch / "data"), "COLUMNS": "100"}
        told, tell = os.pipe()
        self._events = os.fdopen(told, encoding="ascii")
        self._child = subprocess.Popen(
            ["bash", "-c", f'exec 9>&{tell} {tell}>&- && . "$0"', script], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, pass_fds=[tell],
            preexec_fn=island.enter, start_new_session=True,  # noqa: PLW1509 - system calls only
        )  # fmt: skip
        os.close(tell)
        return self

    def __exit__(self, *_: object) -> None:
        """End whatever is left, in order where it still listens."""
        for pid in self._pids():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        self._child.kill()
        self._child.wait()
        self._events.close()

    def result(self, number: int) -> Done:
        """Wait until a command has ended or, when it stays, begun."""
        return self._done("begun" if self.commands[number].stays else "done", number)

    def end(self, number: int) -> Done:
        """Wait until a command that stays has ended."""
        return self._done("ended", number)

    def said(self, words: str) -> str:
        """Return what the first command with these words wrote on stdout."""
        number = next(number for number, command in enumerate(self.commands) if words in command.text)
        return self.result(number).out

    def _done(self, event: str, number: int) -> Done:
        while (event, number) not in self._codes:
            word, which, code = (self._events.readline() or "gone 0 0").split()
            assert word != "gone", "the shell ended before it came to this command"
            self._codes[word, int(which)] = int(code)
        texts = [(self._scratch / f"{number}.{end}").read_text(encoding="utf-8", errors="replace") for end in ("out", "err")]
        return Done(self._codes[event, number], *texts)

    def _script(self) -> str:
        lines = [FUNCTIONS]
        for number, command in enumerate(self.commands):
            text = _replaced(command.text, self._instead)
            files = f">>{self._scratch}/{number}.out 2>>{self._scratch}/{number}.err"
            lines.append(f": {files}")  # there before anybody reads them
            if command.stays:
                port = next((port for words, port in PORTS.items() if text.startswith(words)), 0)
                # A page that runs the whole floor has the first terminal for it: what ran there was ended by Ctrl-C.
                lines += ["stop"] if text.startswith("./watchfloor up") else []
                lines += [f"{text} {files} 9>&- &", f"stays[{number}]=$!", f"echo $! >>{self._scratch}/pids", f"begun {number} {port}"]
            else:
                lines += [f"{{ {text} ; }} {files} 9>&-", f'echo "done {number} $?" >&9']
        return "\n".join([*lines, "stop", ""])

    def _pids(self) -> list[int]:
        file = self._scratch / "pids"
        return [int(pid) for pid in file.read_text(encoding="ascii").split()] if file.exists() and self._child.poll() is None else []


def _replaced(text: str, instead: Mapping[str, str]) -> str:
    name = text.removeprefix("export ").partition("=")[0]
    return f"export {name}={shlex.quote(instead[name])}" if text.startswith("export ") and name in instead else text
