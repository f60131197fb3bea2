"""Read the files of other scanners: nmap's XML, masscan's JSON and lists, naabu's JSON lines. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.engine.imports.lists import read_masscan, read_naabu
from watchfloor.capabilities.scans.engine.imports.nmap import read_nmap
from watchfloor.kernel.errors import InvalidInput

if TYPE_CHECKING:
    from watchfloor.capabilities.scans.engine.imports.found import Imported

__all__ = ["FILE_BYTES", "Form", "read"]
FILE_BYTES = 256 * 1024 * 1024
READERS = {"nmap": read_nmap, "masscan": read_masscan, "naabu": read_naabu}


class Form(StrEnum):
    """Whose file it is."""

    NMAP = "nmap"
    MASSCAN = "masscan"
    NAABU = "naabu"


def read(content: bytes, form: Form | None = None) -> Imported:
    """Return what a file says; without a form, the content tells whose it is.

    Raises:
        InvalidInput: It is none of these, or it is too large.
    """
    if len(content) > FILE_BYTES:
        raise InvalidInput(f"The file has {len(content):,} bytes; {FILE_BYTES:,} are read at most. Split it.", field="/file")
    return READERS[form or recognise(content)](content)


def recognise(content: bytes) -> Form:
    """Return whose file this looks like; raises InvalidInput when it looks like none."""
    start = content[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"<"):
        return Form.NMAP
    if start.startswith((b"[", b"#masscan", b"open ", b"banner ")) or b'"ports"' in start.partition(b"\n")[0]:
        return Form.MASSCAN
    if start.startswith(b"{"):
        return Form.NAABU
    raise InvalidInput(
        "This file looks like none of nmap's XML, masscan's JSON or list, and naabu's JSON lines. Name it with --format.", field="/file"
    )
