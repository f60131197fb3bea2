"""Check a file against a manifest, and a manifest against its signature. Pure."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections import Counter
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final

from watchfloor.capabilities.reports.engine.manifest import DOMAIN, NAME, SIGNATURE, Manifest
from watchfloor.kernel.errors import InvalidInput
from watchfloor.kernel.security import signature_fits

if TYPE_CHECKING:
    from collections.abc import Mapping

BLOCK: Final = 1 << 20
MANIFEST_MAX: Final = 4 << 20
SIGNATURE_SIZE: Final = 64


@dataclass(frozen=True)
class Checked:
    """What was found; `signed` is None where no public key was given: nothing is known."""

    files: Mapping[str, str]
    signed: bool | None

    @property
    def equal(self) -> bool:
        """Tell that every file is what the manifest says, and nothing speaks against its signature."""
        return self.signed is not False and all(not trouble for trouble in self.files.values())


def verify_file(name: str, file: IO[bytes], manifest: bytes) -> str:
    """Return what is wrong with a file, or an empty word.

    Raises:
        InvalidInput: The manifest is none.
    """
    entry = next((one for one in read(manifest).files if one.name == name), None)
    if entry is None:
        return "the manifest does not name it"
    return _trouble(file, entry.size, entry.sha256)


def verify_bundle(file: IO[bytes], public_key: bytes | None) -> Checked:
    """Check every member of a bundle.

    Raises:
        InvalidInput: It is no bundle of reports.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            raw, signature = _member(archive, NAME, MANIFEST_MAX), _member(archive, SIGNATURE, SIGNATURE_SIZE)
            told, names = read(raw), archive.namelist()
            wanted = {one.name: one for one in told.files}
            files = {name: "the manifest does not name it" for name in names if name not in {*wanted, NAME, SIGNATURE}}
            files |= {name: "it is there more than once" for name, count in Counter(names).items() if count > 1}
            for name, entry in wanted.items():
                if name not in names:
                    files[name] = "it is missing"
                elif not files.get(name):
                    with archive.open(name) as member:
                        files[name] = _trouble(member, entry.size, entry.sha256)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError, EOFError, KeyError, zlib.error) as error:
        raise InvalidInput(f"this file is no bundle of reports, or it is damaged: {error}") from error
    return Checked(dict(sorted(files.items())), None if public_key is None else signature_fits(public_key, signature, DOMAIN + raw))


def read(manifest: bytes) -> Manifest:
    """Return a manifest.

    Raises:
        InvalidInput: It is none.
    """
    try:
        return Manifest.model_validate_json(manifest)
    except ValueError as error:
        raise InvalidInput("this is no manifest of a bundle of reports") from error


def _member(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    with archive.open(name) as member:
        return member.read(most + 1)


def _trouble(file: IO[bytes], size: int, sha256: str) -> str:
    """Read no more than the size that is promised, so that a small archive cannot grow without end."""
    whole, at = hashlib.sha256(), 0
    while block := file.read(min(BLOCK, size + 1 - at)):
        whole.update(block)
        at += len(block)
        if at > size:
            return f"it is longer than the {size} bytes that the manifest says"
    if at < size:
        return f"it has {at} bytes, the manifest says {size}"
    return "" if whole.hexdigest() == sha256 else "its bytes are others than the manifest says"
