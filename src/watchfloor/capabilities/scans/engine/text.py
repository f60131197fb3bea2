"""Make bytes from a stranger readable and harmless: control and direction characters escaped, length bounded. Pure."""

from __future__ import annotations

import unicodedata

EVIDENCE_CHARACTERS = 400
# Cc control, Cf format (direction overrides, zero width), Cs surrogates, Co private, Zl and Zp line breaks.
ESCAPED = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def escape(found: bytes | str, most: int = EVIDENCE_CHARACTERS) -> str:
    r"""Return text with at most `most` characters of the source; what is not printable becomes \\xNN or \\uNNNN."""
    text = found[: 4 * most].decode("utf-8", "backslashreplace") if isinstance(found, bytes) else found
    text = text.replace("\r\n", "\n").strip(" \t\n")
    cut = text[:most]
    shown = "".join("\\n" if one == "\n" else _escape_one(one) if unicodedata.category(one) in ESCAPED else one for one in cut)
    return shown + ("…" if len(text) > most else "")


def _escape_one(one: str) -> str:
    number = ord(one)
    if number < 0x100:  # noqa: PLR2004 - one byte
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x1_0000 else f"\\U{number:08x}"  # noqa: PLR2004 - the basic plane
