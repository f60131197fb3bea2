"""Take a snapshot: one transaction that reads, one file that every format is rendered from."""

from __future__ import annotations

import tempfile
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import IO, TYPE_CHECKING, Any, Final

from watchfloor.capabilities.reports.engine import text
from watchfloor.capabilities.reports.engine.redaction import Redactor
from watchfloor.capabilities.reports.engine.spec import TEMPLATE_VERSION, snapshot_hash
from watchfloor.capabilities.reports.engine.spool import Spooling
from watchfloor.capabilities.reports.jobs import disk
from watchfloor.capabilities.reports.jobs.keeping import is_kept
from watchfloor.capabilities.reports.jobs.subjects import accepting
from watchfloor.capabilities.reports.queries import findings, snapshots
from watchfloor.capabilities.reports.schemas.findings import COLUMNS
from watchfloor.capabilities.reports.schemas.snapshot import FINDINGS, Chart, ColumnHead, Figure, Head, SectionHead, TableHead
from watchfloor.capabilities.reports.schemas.words import Redaction
from watchfloor.kernel.artifacts import store as artifacts
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.errors import GiveUp, InvalidInput, NotFound
from watchfloor.kernel.jobs.ledger import ledger
from watchfloor.kernel.sections import EVERYBODY, Redact, Sort

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.capabilities.reports.queries.snapshots import Stored
    from watchfloor.kernel.contract import JobContext
    from watchfloor.kernel.sections import Column, ReportSection, Scope, SectionTable, Selection, Told

BLOCK: Final = 1 << 20
TOLD_EVERY: Final = 1000
REMEMBERED, SHORT = 512, 400  # texts of a column that are shown once for many rows, and how long they are at most


@dataclass(frozen=True)
class Taken:
    """A snapshot and whether it was there already."""

    stored: Stored
    reused: bool


def snapshot(context: JobContext, scope: Scope, redaction: Redaction, audience: str) -> Taken:
    """Return the newest snapshot of a scope while nothing changed since, else a new one; audiences with the same sections share it.

    Raises:
        GiveUp: What the scope is about is not there.
        NoRoom: It would not find room.
    """
    context.progress(0, 1, phase="snapshot")
    # One that is gone is marked as such and not found again. Nobody is asked whether it is while a transaction is open.
    while not isinstance(found := _read(context, scope, redaction, audience), Taken):
        if is_kept(ledger(), context.org, found.artifact):
            return Taken(found, reused=True)
    return found


def _read(context: JobContext, scope: Scope, redaction: Redaction, audience: str) -> Stored | Taken:
    """Return the snapshot that says the same as one of now would, else take it: watermark and rows are of one moment."""
    with tempfile.TemporaryFile() as rows:
        with context.reading() as session:
            sections = _accepting(context, session, scope, audience)
            key = snapshot_hash(scope, [name for name, one in sections.items() if one.audiences != EVERYBODY])
            watermark = _watermark(session, context.org, scope, sections)
            if watermark is not None:
                found = snapshots.find_newest(session, context.org, key, redaction, watermark)
                if found is not None:
                    return found
            disk.ask_for(_expected_bytes(session, context.org, scope, sections, key, redaction))
            redactor = _redactor(session, context.org, scope, sections, redaction)
            head, spooling = _spooled(context, session, scope, sections, redactor, redaction, rows)
        return _stored(context, head, spooling, key, watermark)


def _expected_bytes(
    session: Session, org: UUID, scope: Scope, sections: Mapping[str, ReportSection], key: bytes, redaction: Redaction
) -> int:
    """Estimate a snapshot by the newest of its scope, else by its findings; its rows are written twice, because the head counts them."""
    newest = snapshots.find_newest_size(session, org, key, redaction)
    if newest is None:
        newest = findings.count(session, org, _selection(session, org, scope, sections)) * disk.ROW_BYTES
    return 2 * newest


@contextmanager
def opened(context: JobContext, stored: Stored) -> Iterator[IO[bytes]]:
    """Open a snapshot as a plain file that ends with the block.

    Raises:
        NotFound: Its bytes are gone.
        Forged: They are not those that were stored.
    """
    with tempfile.TemporaryFile() as file:
        with context.transaction() as session:
            parts = artifacts.read(ledger(), session, context.org, stored.artifact)[1]
        file.writelines(parts)
        file.flush()
        file.seek(0)
        yield file


def _accepting(context: JobContext, session: Session, scope: Scope, audience: str) -> dict[str, ReportSection]:
    try:
        return accepting(session, context.org, scope, context.sections(), audience)
    except (NotFound, InvalidInput) as error:
        raise GiveUp(str(error)) from error


def _selection(session: Session, org: UUID, scope: Scope, sections: Mapping[str, ReportSection]) -> Selection:
    if scope.kind in {"assets", "organisation"}:
        return findings.own_selection(scope)
    return findings.union([one.findings(session, org, scope) for one in sections.values() if one.findings is not None])


def _watermark(session: Session, org: UUID, scope: Scope, sections: Mapping[str, ReportSection]) -> str | None:
    """Return one word for all that a snapshot would hold, None as soon as one section does not know its own."""
    # A snapshot that other code redacted and cut is none for this one.
    words = [f"version {TEMPLATE_VERSION}", findings.watermark(session, org, _selection(session, org, scope, sections))]
    for name, one in sections.items():
        word = one.watermark(session, org, scope)
        if word is None:
            return None
        words.append(f"{name}={word}")
    return "\n".join(words)


def _stored(context: JobContext, head: Head, spooling: Spooling, key: bytes, watermark: str | None) -> Taken:
    """Write what was read as one file and remember it; when another job has read the same data meanwhile, its snapshot is the one, and so are its reports."""
    redaction = head.redaction
    with ExitStack() as stack:
        out = stack.enter_context(tempfile.TemporaryFile())
        sha256 = spooling.close(head, out)
        size = out.tell()
        out.seek(0)
        made = new_id()
        content = stack.enter_context(artifacts.staged(ledger(), context.org, iter(lambda: out.read(BLOCK), b"")))
        with context.transaction() as session:
            snapshots.lock(session, context.org, key, redaction)
            if watermark is not None:
                found = snapshots.find_newest(session, context.org, key, redaction, watermark)
                if found is not None:
                    return Taken(found, reused=True)
            artifact = artifacts.store(
                ledger(), session, context.org, name=f"snapshot-{made}.ndjson", media_type="application/x-ndjson",
                content=content, job=context.job_id, actor=context.actor,
            )  # fmt: skip
            snapshots.add(
                session,
                context.org,
                made,
                head,
                scope_hash=key,
                watermark=watermark,
                sha256=sha256,
                size=size,
                artifact=artifact,
            )
            found = snapshots.find_snapshot(session, context.org, made)
    assert found is not None  # noqa: S101 - written above
    return Taken(found, reused=False)


def _redactor(session: Session, org: UUID, scope: Scope, sections: Mapping[str, ReportSection], redaction: Redaction) -> Redactor:
    """Return what redacts; for a public report every row is read once before, because texts may name assets of later rows."""
    if redaction is not Redaction.PUBLIC:
        return Redactor(redaction)
    selection = _selection(session, org, scope, sections)
    names: dict[str, None] = {}
    for columns, rows in (
        (COLUMNS, findings.rows(session, org, selection)),
        *((table.columns, table.rows(session, org, scope)) for one in sections.values() for table in one.tables),
    ):
        named = [one.name for one in columns if one.redact is Redact.ASSET]
        names |= {str(row[name]): None for row in rows for name in named if row.get(name)}
    return Redactor(redaction, names)


def _spooled(
    context: JobContext, session: Session, scope: Scope, sections: Mapping[str, ReportSection], redactor: Redactor, redaction: Redaction, file: IO[bytes]
) -> tuple[Head, Spooling]:  # fmt: skip
    """Write all rows, then return the head that counts them."""
    org, spooling = context.org, Spooling(file)
    states: dict[str, Counter[str]] = {}
    changes: Counter[str] = Counter()
    selection = _selection(session, org, scope, sections)
    listed = findings.rows(session, org, findings.listed(selection, scope.filters))
    for row in _add(context, spooling, FINDINGS, COLUMNS, listed, redactor):
        states.setdefault(row["state"], Counter())[row["severity"]] += 1
        if row["change"]:
            changes[row["change"]] += 1
    heads: list[SectionHead] = []
    about: Told | None = None
    for name, one in sections.items():
        chosen = not scope.sections or name in scope.sections or one.audiences != EVERYBODY
        for table in one.tables if chosen else ():
            for _row in _add(context, spooling, f"{name}.{table.name}", table.columns, table.rows(session, org, scope), redactor):
                pass
        told = one.tell(session, org, scope)
        about = about or told
        section = _section(name, one, told, spooling, redactor)
        heads.append(section if chosen else _left_out(section))
    name = snapshots.org_name(session, org)
    subject = scope.tag or (about.subject if about and scope.scan else "") or name
    head = Head(
        scope=scope, as_of=snapshots.as_of(session), org=text.line(name), org_id=org, title=text.line(_title(scope, about, name)),
        subject=text.line(redactor.text(subject)), state=next((one.state for one in heads if one.state), ""), redaction=redaction, sections=tuple(heads),
        findings={state: dict(counted) for state, counted in states.items()}, changes=dict(changes),
        unlisted=findings.unlisted(session, org, selection, scope.filters), rows=sum(spooling.counts.values()),
    )  # fmt: skip
    return head, spooling


def _title(scope: Scope, about: Told | None, org: str) -> str:
    match scope.kind:
        case "comparison":
            return f"What changed between two scans of {org}"
        case "assets":
            return f"Exposure of {scope.tag}, {org}"
        case "organisation":
            return f"Exposure of {org}"
    return f"{about.title if about and about.title else 'Scan'} of {org}"


def _add(
    context: JobContext, spooling: Spooling, key: str, columns: tuple[Column, ...], rows: Iterable[Mapping[str, Any]], redactor: Redactor
) -> Iterator[dict[str, Any]]:
    cells = [(one.name, _cell(one, redactor.cell(one))) for one in columns]
    for n, row in enumerate(rows, 1):
        get = row.get
        told = {name: None if (value := get(name)) is None else tell(value) for name, tell in cells}
        spooling.add(key, told)
        if n % TOLD_EVERY == 0:
            context.progress(n, n, phase="snapshot", note=key)
        yield told


def _cell(column: Column, redact: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return what makes a column's values fit for a snapshot: as its readers may see them, bounded, and JSON; none of them is None."""
    show = text.prose if column.sort is Sort.PROSE else _code if column.sort is Sort.CODE else text.line

    def fresh(value: Any) -> Any:  # noqa: ANN401 - a cell
        value = redact(value)
        if isinstance(value, str):
            return show(value)
        if isinstance(value, datetime):
            return value.isoformat()
        return [text.line(str(one)) for one in value[:100]] if isinstance(value, list | tuple) else value

    # Titles, remedies and products repeat from row to row.
    known = lru_cache(maxsize=REMEMBERED)(fresh)
    return lambda value: known(value) if type(value) is str and len(value) <= SHORT else fresh(value)


def _code(value: str) -> str:
    return text.evidence(value) if "\n" in value else text.line(value)


def _section(name: str, section: ReportSection, told: Told, spooling: Spooling, redactor: Redactor) -> SectionHead:
    def said(sentences: Iterable[str]) -> tuple[str, ...]:
        return tuple(text.prose(redactor.text(one)) for one in sentences)

    return SectionHead(
        name=name, title=section.title, order=section.order, audiences=section.audiences, summary=text.prose(redactor.text(told.summary)),
        state=told.state, figures=tuple(_figure(one, redactor) for one in told.figures),
        charts=tuple(_chart(one, redactor) for one in told.charts), tables=tuple(_table(name, table, spooling) for table in section.tables),
        notes=said(told.notes), not_looked_at=said(told.not_looked_at), method=said(told.method),
        words={language: dict(words) for language, words in section.words.items()},
    )  # fmt: skip


def _left_out(section: SectionHead) -> SectionHead:
    """Return what even a section that nobody chose must say: that it is not complete, and what it did not look at."""
    return SectionHead(
        name=section.name, title=section.title, order=section.order, audiences=frozenset(), state=section.state,
        not_looked_at=section.not_looked_at, words=section.words,
    )  # fmt: skip


def _figure(told: tuple[str, str | int | float | None, str], redactor: Redactor) -> Figure:
    label, value, note = told
    return Figure(
        label=label, value=text.line(redactor.text(value)) if isinstance(value, str) else value, note=text.line(redactor.text(note))
    )


def _chart(told: Mapping[str, Any], redactor: Redactor) -> Chart:
    """Return a chart whose labels, which may come from targets, are as safe as cells."""

    def label(value: str) -> str:
        return text.line(redactor.text(value))

    chart = Chart.model_validate(told)
    series = tuple(
        one.model_copy(
            update={
                "label": label(one.label),
                "points": tuple(point.model_copy(update={"label": label(point.label)}) for point in one.points),
            }
        )
        for one in chart.series
    )
    return chart.model_copy(update={"title": label(chart.title), "series": series})


def _table(section: str, table: SectionTable, spooling: Spooling) -> TableHead:
    key = f"{section}.{table.name}"
    columns = tuple(
        ColumnHead(name=one.name, title=one.title, sort=one.sort, unit=one.unit, words={word: word for word in one.words})
        for one in table.columns
    )
    return TableHead(key=key, title=table.title, columns=columns, rows=spooling.counts.get(key, 0), empty=table.empty)
