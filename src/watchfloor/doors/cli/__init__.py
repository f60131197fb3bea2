"""The command-line door: `watchfloor` and `wf`; command groups come from the catalog and load when chosen."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NoReturn

from watchfloor import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and exit: 0 clean, 1 findings at or above --fail-on, 2 error, 3 unknown."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words in (["--version"], ["-V"]):
        sys.stdout.write(f"watchfloor {__version__}\n")
        raise SystemExit(0)
    from watchfloor.doors.cli.run import run  # noqa: PLC0415 - the version alone must not load a library

    raise SystemExit(run(words))
