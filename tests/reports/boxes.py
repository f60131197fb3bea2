"""Real boxes for tests of renderers: what a handler's context does, without a job."""

from __future__ import annotations

import io
import logging
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from typing import IO, TYPE_CHECKING, Any

from tests.reports import model
from watchfloor.capabilities.reports.jobs.pdf import pdf
from watchfloor.capabilities.reports.schemas.snapshot import Options
from watchfloor.kernel.sandbox.client import Sandbox
from watchfloor.kernel.sandbox.profiles import RENDER, Profile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pydantic import BaseModel

    from watchfloor.capabilities.reports.engine.render import Rendered

LIMIT = timedelta(minutes=5)


class Boxes:
    """Runs functions in boxes, one after the other; `cramped` names those that get too little memory to live, by their turn."""

    log = logging.getLogger("tests.reports")

    def __init__(self, address: str, *, cramped: Sequence[int] = ()) -> None:
        """Use a zygote."""
        self._box = Sandbox(address)
        self._cramped = cramped
        self.ran: list[str] = []
        self.told: list[tuple[int, int, str]] = []

    def sandbox(
        self, function: Callable[..., Any], request: BaseModel, *, stream: Any = None, files: Mapping[str, IO[bytes]] | None = None
    ) -> Any:
        """Run one."""
        profile: Profile = replace(RENDER, duration=timedelta(milliseconds=1)) if len(self.ran) in self._cramped else RENDER
        self.ran.append(function.__name__)
        return self._box.run(function, request, deadline=LIMIT, profile=profile, stream=stream, files=files)

    def progress(self, done: int, total: int, phase: str = "", note: str = "") -> None:
        """Remember."""
        del note
        self.told.append((done, total, phase))


def make(
    boxes: Boxes, snapshot: bytes | None = None, *, attached: Mapping[str, bytes] | None = None, logo: bytes | None = None,
    fonts: Mapping[str, bytes] | None = None, **options: Any,
) -> tuple[bytes, Rendered]:  # fmt: skip
    """Return a PDF and what was said about it."""
    out = io.BytesIO()
    with ExitStack() as stack:

        def written(content: bytes) -> IO[bytes]:
            file = stack.enter_context(tempfile.TemporaryFile())
            file.write(content)
            file.flush()
            return file

        rendered = pdf(
            boxes, written(snapshot or model.snapshot(12, services=5).getvalue()), Options(logo=logo is not None, **options),  # type: ignore[arg-type]  # as much of a context as it uses
            {name: written(content) for name, content in (attached or {}).items()}, out, logo=written(logo) if logo is not None else None,
            fonts={name: written(content) for name, content in (fonts or {}).items()},
        )  # fmt: skip
    return out.getvalue(), rendered
