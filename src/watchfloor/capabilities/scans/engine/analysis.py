"""Judge again what was seen before: the services of a kept scan, or of a document that `watchfloor scan --json` wrote. Pure."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any, Final
from uuid import UUID  # noqa: TC003 - pydantic reads it when the program runs

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from watchfloor.capabilities.scans.engine.judge import judge
from watchfloor.capabilities.scans.schemas import Port, Problem, Service, Shape
from watchfloor.kernel.contract import Severity  # noqa: TC001 - pydantic reads it when the program runs
from watchfloor.kernel.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

LISTED_MAX: Final = 300  # a result may have 256 KiB
TEXT_MAX: Final = 4096


class SeenService(BaseModel):
    """One open port of a scan, as its list and its document show it; what else a newer document says is left aside."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    address: str = Field(max_length=45)
    port: Port
    name: str = Field("unknown", max_length=TEXT_MAX)
    product: str = Field("", max_length=TEXT_MAX)
    version: str = Field("", max_length=TEXT_MAX)
    confidence: int = Field(0, ge=0, le=100)
    detail: dict[str, Any] = {}


class Document(BaseModel):
    """The part of a scan's document that can be judged."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    services: Annotated[list[SeenService], Field(max_length=65_536)]


class Analysis(Shape):
    """What today's checks find wrong in what was seen; of very many, the gravest are listed."""

    scan_id: UUID | None = None
    services: int
    problems: int
    by_severity: dict[Severity, int]
    findings: dict[Severity, list[Problem]]
    not_listed: int = 0


def read_document(plain: dict[str, Any]) -> list[SeenService]:
    """Return the services of a scan's document; raises InvalidInput for anything else."""
    try:
        return Document.model_validate(plain).services
    except ValidationError as error:
        raise InvalidInput(_explained("the document is not what `watchfloor scan --json` writes", error)) from error


def analyse(seen: Iterable[SeenService], today: datetime, *, scan: UUID | None = None) -> Analysis:
    """Return what is wrong today; `today` is aware of its time zone."""
    services = sorted(seen, key=lambda one: (one.address, one.port))
    problems = sorted(_problems(services, today), key=lambda one: (-one.severity.rank, one.target, one.port, one.check))
    listed = problems[:LISTED_MAX]
    return Analysis(
        scan_id=scan, services=len(services), problems=len(problems), by_severity=dict(Counter(one.severity for one in problems)),
        findings={severity: list(held) for severity, held in groupby(listed, key=lambda one: one.severity)}, not_listed=len(problems) - len(listed),
    )  # fmt: skip


def _problems(services: Iterable[SeenService], today: datetime) -> Iterator[Problem]:
    for address, held in groupby(services, key=lambda one: one.address):
        yield from judge(address, [_service(one) for one in held], today)


def _service(one: SeenService) -> Service:
    known = {name: value for name, value in one.detail.items() if name in Service.model_fields}
    try:
        return Service.model_validate({**known, **one.model_dump(exclude={"address", "detail"})})
    except ValidationError as error:
        raise InvalidInput(_explained(f"{one.address} port {one.port} of the document cannot be read", error)) from error


def _explained(what: str, error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    return f"{what}: {'/'.join(str(part) for part in first['loc'])[:100] or 'services'}: {first['msg'][:200]}"
