"""Draw how the priority of a CVE is explained, from the advisories of the floor it is run beside: `score.py CVE-2024-38475`."""

# ruff: noqa: INP001 - a script beside the picture it makes

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

ROOT: Final = Path(__file__).resolve().parents[2]
COLUMNS: Final = 118


def main(cve: str) -> int:
    """Ask, and write score.svg."""
    command = ["./watchfloor", "advisories", "score", cve, "--exposure", "internet"]
    environment = os.environ | {"COLUMNS": str(COLUMNS), "FORCE_COLOR": "1", "TERM": "xterm-256color"}
    told = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True, text=True).stdout  # noqa: S603 - ours
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.from_ansi(f"$ {' '.join(command)}\n{told.strip()}"), soft_wrap=False)
    # The stock template loads fonts from somebody's server; a reader's own will do.
    template = re.sub(r"@font-face \{\{.*?\}\}\n", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    svg = console.export_svg(title="watchfloor", code_format=template, unique_id="score")
    Path(__file__).with_name("score.svg").write_text(svg, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
