"""How it was found out, what it does not speak for, and how to check the document. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watchfloor.capabilities.reports.engine import filtered
from watchfloor.capabilities.reports.engine.spec import TEMPLATE_VERSION
from watchfloor.capabilities.reports.engine.to_pdf.plan import shown
from watchfloor.capabilities.reports.schemas.snapshot import FINDINGS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchfloor.capabilities.reports.engine.to_pdf.shapes import PartRequest
    from watchfloor.capabilities.reports.engine.to_pdf.show import Show
    from watchfloor.capabilities.reports.schemas.snapshot import Head


def back(head: Head, request: PartRequest, show: Show) -> dict[str, Any]:
    """Return the last pages."""
    sections = shown(head, request.options)
    return {
        "method": [{"title": show.title(one.title), "sentences": [show.line(said, 1000) for said in one.method]} for one in sections if one.method],
        "not_looked_at": [show.line(said, 1000) for one in head.sections for said in one.not_looked_at],
        "shown": list(_shown(head, request, show)), "facts": list(_facts(head, request, show)),
        "attached": [
            {"name": one.name, "sha256": one.sha256, "size": _size(one.size, one.inside, show)} for one in request.attached
        ],
    }  # fmt: skip


def _size(size: int, inside: bool, show: Show) -> str:  # noqa: FBT001 - a column of a table
    told = show.counted("bytes", size, count=show.number(size))
    return told if inside else str(show.words["outside"].format(size=told))


def _shown(head: Head, request: PartRequest, show: Show) -> Iterator[str]:
    words, plan = show.words, request.plan
    yield words["redaction"][head.redaction]
    for said in (filtered.told(head, show.reader), filtered.left_out(head, show.reader)):
        if said:
            yield show.line(said, 1000)
    left = plan.rows_total - plan.rows_shown
    if left:
        yield show.counted("rows_left", left, left=show.number(left), total=show.number(plan.rows_total))
    else:
        yield show.counted("rows_all", plan.rows_total, total=show.number(plan.rows_total)) if plan.rows_total else words["rows_none"]
    titles = {FINDINGS: words["findings"]} | {table.key: table.title for one in head.sections for table in one.tables}
    if 0 < plan.in_full < plan.findings:
        yield show.counted("full_some", plan.in_full, full=show.number(plan.in_full), total=show.number(plan.findings))
    for table, gone in plan.left_out.items():
        have = next((one.rows for section in head.sections for one in section.tables if one.key == table), plan.findings)
        told = {"title": show.line(titles.get(table, table)), "shown": show.number(have - gone), "total": show.number(have)}
        yield show.counted("table_left", have - gone, **told)
    if request.missing:
        yield show.counted("missing", request.missing, count=show.number(request.missing))
    if request.cut:
        yield show.counted("cut", request.cut, count=show.number(request.cut))


def _facts(head: Head, request: PartRequest, show: Show) -> list[dict[str, Any]]:
    names, words = show.words["fact"], show.words
    told = [
        ("audience", words["audience"][request.options.audience], False), ("as_of", show.minute(head.as_of), False), ("scope", words["scope"][head.scope.kind], False),
        ("scan", str(head.scope.scan or ""), True), ("base", str(head.scope.base or ""), True), ("organisation_id", str(head.org_id), True),
        ("rows", show.number(request.plan.rows_total), False), ("snapshot", request.plan.sha256, True), ("template", str(TEMPLATE_VERSION), False),
    ]  # fmt: skip
    return [{"name": names[name], "value": value, "code": code} for name, value, code in told if value]
