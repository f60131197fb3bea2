"""Texts in many scripts as targets send them, and a font for letters that no other has here."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

import fontpkg_heebo

if TYPE_CHECKING:
    from pathlib import Path

# What a page says in each script, and how it is read: what copying from the PDF must give back.
TEXTS: Final = {
    "arabic": "صفحة تسجيل الدخول", "persian": "صفحه ورود کاربران", "urdu": "پاس ورڈ درج کریں", "hebrew": "דף כניסה למערכת", "simplified": "登录页面无法访问",
    "traditional": "繁體中文登入頁面", "japanese": "ログイン画面へようこそ", "korean": "로그인 페이지", "thai": "หน้าเข้าสู่ระบบ", "hindi": "लॉगिन पृष्ठ पर स्वागत",
    "greek": "Σελίδα σύνδεσης", "cyrillic": "Страница входа", "vietnamese": "Trang đăng nhập",
}  # fmt: skip
ETHIOPIC: Final = 0x1200


def font(*, family: str = "Operator", weight: int = 400, first: int = ETHIOPIC, count: int = 20) -> bytes:
    """Return a font in which `count` characters from `first` on look like Hebrew letters."""
    source = (fontpkg_heebo.ROOT / "files" / "Heebo[wght].ttf").read_bytes()
    (tables,) = struct.unpack_from(">H", source, 4)
    found = {name: source[at : at + size] for name, _, at, size in struct.iter_unpack(">4sLLL", source[12 : 12 + 16 * tables])}
    for variable in (b"avar", b"fvar", b"gvar", b"HVAR", b"MVAR", b"STAT", b"GPOS", b"GSUB", b"GDEF", b"DSIG"):
        found.pop(variable, None)
    group = struct.pack(">HHLLLLLL", 12, 0, 28, 0, 1, first, first + count - 1, 40)
    found[b"cmap"] = struct.pack(">HHHHL", 0, 1, 3, 10, 12) + group
    words = family.encode("utf-16-be")
    ids = (1, 4, 6, 16)
    records = b"".join(struct.pack(">6H", 3, 1, 0x409, one, len(words), 0) for one in ids)
    found[b"name"] = struct.pack(">3H", 0, len(ids), 6 + len(records)) + records + words
    found[b"OS/2"] = found[b"OS/2"][:4] + struct.pack(">H", weight) + found[b"OS/2"][6:]
    return written(found)


def written(tables: dict[bytes, bytes]) -> bytes:
    """Return a font file of these tables."""
    at, directory, body = 12 + 16 * len(tables), b"", b""
    for name, content in sorted(tables.items()):
        directory += struct.pack(">4sLLL", name, 0, at, len(content))
        body += content + bytes(-len(content) % 4)
        at += len(content) + (-len(content) % 4)
    return struct.pack(">4s4H", b"\x00\x01\x00\x00", len(tables), 0, 0, 0) + directory + body


def put(folder: Path, name: str = "operator.ttf", content: bytes | None = None) -> Path:
    """Write a font into a folder, and return the folder."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(font() if content is None else content)
    return folder
