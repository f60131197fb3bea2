"""Compile a C source beside this file, once for each run."""

from __future__ import annotations

import atexit
import functools
import shutil
import subprocess
import tempfile
from pathlib import Path


def compiler() -> str | None:
    """Return the C compiler's path, or None."""
    return shutil.which("cc") or shutil.which("gcc")


@functools.cache
def built(source: str) -> str:
    """Return the path of the program made from a source.

    Raises:
        OSError: There is no compiler or it refused.
    """
    path, cc = Path(__file__).with_name(source), compiler()
    if cc is None:
        raise OSError(f"{source} cannot be compiled: no C compiler (cc) is installed")
    program = Path(_folder()) / path.stem
    done = subprocess.run([cc, "-O2", "-o", str(program), str(path)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"{source} cannot be compiled: {done.stderr.strip()[-1000:]}")
    return str(program)


@functools.cache
def _folder() -> str:
    folder = tempfile.TemporaryDirectory(prefix="benchmark-")
    atexit.register(folder.cleanup)
    return folder.name
