"""Render one format of a snapshot into a file, in boxes without network, database or keys."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final

from watchfloor.capabilities.reports.engine.render import Rendered, RenderRequest, render
from watchfloor.capabilities.reports.engine.spec import TEMPLATE_VERSION, spec_hash
from watchfloor.capabilities.reports.engine.spool import Spool
from watchfloor.capabilities.reports.jobs.wishes import refuse_formats
from watchfloor.capabilities.reports.schemas.words import Format
from watchfloor.kernel.errors import GiveUp, InvalidInput
from watchfloor.kernel.jobs.ledger import ledger

if TYPE_CHECKING:
    from contextlib import ExitStack

    from watchfloor.capabilities.reports.jobs.fonts import OperatorFonts
    from watchfloor.capabilities.reports.schemas.snapshot import Options
    from watchfloor.kernel.contract import JobContext

PURPOSE: Final = "reports"  # of the key that signs what this installation says about its reports
BLOCK: Final = 1 << 20
ATTACHED: Final = {Format.CSV: "findings.csv", Format.JSON: "report.json"}


@dataclass(frozen=True)
class File:
    """A rendered file, its hash and size."""

    content: IO[bytes]
    sha256: bytes
    size: int
    rendered: Rendered


class Renderer:
    """Renders formats of one snapshot one after the other; what one format needs of another is rendered once."""

    def __init__(
        self, context: JobContext, snapshot: IO[bytes], options: Options, logo: bytes | None, stack: ExitStack, fonts: OperatorFonts
    ) -> None:  # fmt: skip
        """Keep temporary files open until the stack closes."""
        self._fonts = fonts
        self._context, self._snapshot, self._options, self._stack = context, snapshot, options, stack
        self._logo_bytes = logo
        self._logo = self._written(logo) if logo else None
        self._made: dict[Format, File] = {}

    def file(self, format_: Format) -> File:
        """Return a format's file, rendered when it is asked for the first time."""
        if format_ not in self._made:
            self._made[format_] = self._rendered(format_)
        found = self._made[format_]
        found.content.seek(0)
        return found

    def _rendered(self, format_: Format) -> File:
        out = self._stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it
        if format_ is Format.PDF:
            from watchfloor.capabilities.reports.jobs.pdf import pdf  # noqa: PLC0415 - one format does not pay for another

            attached = {name: self.file(other).content for other, name in ATTACHED.items()}
            rendered = pdf(
                self._context, self._snapshot, self._options, attached, out, logo=self._logo, fonts=self._fonts.opened(self._stack)
            )  # fmt: skip
        elif format_ is Format.BUNDLE:
            rendered = self._bundled(out)
        else:
            rendered = self._boxed(format_, out)
        out.seek(0)
        whole = hashlib.sha256()
        while block := out.read(BLOCK):
            whole.update(block)
        return File(out, whole.digest(), out.tell(), rendered)

    def _boxed(self, format_: Format, out: IO[bytes]) -> Rendered:
        """Render in one box; a box that dies is tried once more, because the machine may have been short of memory."""
        files = {"snapshot": self._snapshot} | ({"logo": self._logo} if self._logo else {})

        def keep(frame: bytes) -> None:
            out.write(frame)

        for last in (False, True):
            out.seek(0)
            out.truncate()
            try:
                return self._context.sandbox(render, RenderRequest(format=format_, options=self._options), stream=keep, files=files)
            except GiveUp as error:
                if last or not error.reason.startswith("sandbox"):
                    raise
        raise AssertionError

    def _bundled(self, out: IO[bytes]) -> Rendered:
        """Put every other format into one archive; what cannot be made is named in its manifest."""
        from watchfloor.capabilities.reports.engine.manifest import DOMAIN, Entry, Manifest, manifest  # noqa: PLC0415 - see above
        from watchfloor.capabilities.reports.engine.to_bundle import BundleRequest, bundle  # noqa: PLC0415 - see above

        files: dict[str, File] = {}
        missing: dict[str, str] = {}
        for other in (one for one in Format if one is not Format.BUNDLE):
            try:
                refuse_formats([other], self._options)
                files[f"report.{other.suffix}"] = self.file(other)
            except (GiveUp, InvalidInput) as error:
                missing[str(other)] = str(error)
        self._snapshot.seek(0)
        spool = Spool(self._snapshot)
        entries = tuple(Entry(name=name, size=one.size, sha256=one.sha256.hex()) for name, one in files.items())
        told = manifest(
            Manifest(
                as_of=spool.head.as_of, spec=spec_hash(self._options, spool.head.redaction, self._logo_bytes).hex(), snapshot=spool.sha256,
                template_version=TEMPLATE_VERSION, files=entries, missing=missing,
            )
        )  # fmt: skip
        request = BundleRequest(manifest=told.decode(), signature=ledger().vault.signer(PURPOSE).sign(DOMAIN + told).hex())

        def keep(frame: bytes) -> None:
            out.write(frame)

        return self._context.sandbox(bundle, request, stream=keep, files={name: one.content for name, one in files.items()})

    def _written(self, content: bytes) -> IO[bytes]:
        file = self._stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it
        file.write(content)
        file.flush()
        return file
