"""Check a finished PDF against PDF/A, as far as the checker here knows the standard; runs in the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pikepdf
from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from watchfloor.kernel.contract import StreamingReport

# The checker knows level B of part 3 and no extension schemas; what it says of level A and of PDF/UA's own schema is what we want.
EXPECTED: Final = (
    "XMP namespace pdfaExtension=", "XMP namespace pdfaSchema=", "XMP namespace pdfaProperty=", "XMP property pdfuaid:part ",
    "XMP property pdfaExtension:schemas ", "pdfaid:conformance is 'A', expected 'B'",
)  # fmt: skip
LISTED: Final = 20


class ArchivalRequest(BaseModel):
    """The PDF is the file `pdf`."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ArchivalFound(BaseModel):
    """None: nothing speaks against it, and `notes` says what could not be checked."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    passed: bool | None
    notes: tuple[str, ...] = ()


def examine(_: ArchivalRequest, report: StreamingReport) -> ArchivalFound:
    """Return whether a PDF is an archive file."""
    try:
        from pikepdf import pdfa  # noqa: PLC0415 - an optional part of pikepdf
    except ImportError:
        return ArchivalFound(passed=None, notes=("PDF/A was not checked: the checker is not installed (pip install 'pikepdf[pdfa]')",))
    with pikepdf.open(report.file("pdf")) as pdf:
        found = [one for one in pdfa.check(pdf, "3b").findings if not any(known in str(one.message) for known in EXPECTED)]
    broken = [str(one) for one in found if one.kind == "violation"]
    unknown = [str(one) for one in found if one.kind != "violation"]
    if broken:
        return ArchivalFound(passed=False, notes=tuple(broken[:LISTED]))
    return ArchivalFound(
        passed=None if unknown else True, notes=tuple(f"PDF/A, not known to the checker: {one}" for one in unknown[:LISTED])
    )
