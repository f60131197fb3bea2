"""The number of all pages, put on each of them once it is known."""

from __future__ import annotations

from typing import Final

from pikepdf import Array, Dictionary, Name, Object, Pdf, Stream

from watchfloor.capabilities.reports.engine.to_pdf.structure import without_set

MM: Final = 72 / 25.4
TOP: Final = 14.68 * MM


def stamp(whole: Pdf, total: Pdf) -> None:
    """Draw the first page of `total` into the footer of every page, as an artifact: it belongs to no reading order."""
    for one in total.objects:
        if isinstance(one, Dictionary) and one.get("/Type") == Name.FontDescriptor:
            without_set(one)
    form = whole.copy_foreign(total.pages[0].as_form_xobject())
    height = float(form.BBox[3])
    before, after = whole.make_indirect(Stream(whole, b"q\n")), whole.make_indirect(Stream(whole, _place(height)))
    for page in whole.pages:
        _add(page.obj, form, before, after)


def _place(height: float) -> bytes:
    """Return what draws it where the template leaves room: right of the page's own number, on its line."""
    return f"\nQ\n/Artifact BMC\nq 1 0 0 1 {105 * MM:.4f} {TOP - height:.4f} cm /WfTotal Do Q\nEMC\n".encode("ascii")


def _add(page: Object, form: Object, before: Object, after: Object) -> None:
    resources = Dictionary(dict(page.get("/Resources", Dictionary()).items()))
    resources.XObject = Dictionary(dict(resources.get("/XObject", Dictionary()).items()) | {"/WfTotal": form})
    page.Resources = resources
    own = page.Contents
    page.Contents = Array([before, *(own if isinstance(own, Array) else [own]), after])
