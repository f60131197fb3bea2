"""Put rendered files, their manifest and its signature into one ZIP archive, the same bytes each time; runs in the sandbox without keys."""

from __future__ import annotations

import hashlib
import zipfile
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict

from watchfloor.capabilities.reports.engine.manifest import NAME, SIGNATURE, Manifest
from watchfloor.capabilities.reports.engine.render import Out, Rendered
from watchfloor.kernel.errors import Forged

if TYPE_CHECKING:
    from datetime import datetime

    from watchfloor.kernel.contract import StreamingReport

BLOCK: Final = 1 << 20
FIRST_YEAR: Final = 1980  # a ZIP archive knows none before
PACKED: Final = (".zip", ".xlsx", ".pdf")


class BundleRequest(BaseModel):
    """The manifest and the Ed25519 signature of its bytes, in hex; each file that it names is given under its name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    manifest: str
    signature: str


class _Stream:
    """Where a ZIP archive is written without going back."""

    def __init__(self, out: Out) -> None:
        self._out = out
        self._at = 0

    def write(self, piece: bytes) -> int:
        self._out(bytes(piece))
        self._at += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._at

    def flush(self) -> None:
        """Everything is on its way."""

    def seekable(self) -> bool:
        return False


def bundle(request: BundleRequest, report: StreamingReport) -> Rendered:
    """Send the archive: files sorted by name, dated as the snapshot; the manifest and its signature stand first.

    Raises:
        Forged: A file has other bytes than the manifest says.
    """
    told = Manifest.model_validate_json(request.manifest)
    out = Out(report)
    with zipfile.ZipFile(_Stream(out), "w") as archive:  # type: ignore[call-overload]  # write-only, which it allows
        for name, content in ((NAME, request.manifest.encode()), (SIGNATURE, bytes.fromhex(request.signature))):
            archive.writestr(_member(name, told.as_of), content)
        for number, entry in enumerate(sorted(told.files, key=lambda one: one.name)):
            report(number, len(told.files), phase="bundle")
            file, whole = report.file(entry.name), hashlib.sha256()
            file.seek(0)
            with archive.open(_member(entry.name, told.as_of), "w", force_zip64=True) as member:
                while block := file.read(BLOCK):
                    whole.update(block)
                    member.write(block)
            if whole.hexdigest() != entry.sha256:
                raise Forged(f"{entry.name} is not the file that the manifest speaks of")
    out.close()
    return Rendered(rows_shown=len(told.files), rows_total=len(told.files))


def _member(name: str, as_of: datetime) -> zipfile.ZipInfo:
    year = max(as_of.year, FIRST_YEAR)
    member = zipfile.ZipInfo(name, (year, as_of.month, as_of.day, as_of.hour, as_of.minute, as_of.second // 2 * 2))
    member.compress_type = zipfile.ZIP_STORED if name.endswith(PACKED) else zipfile.ZIP_DEFLATED
    member.create_system = 3
    member.external_attr = 0o644 << 16
    return member
