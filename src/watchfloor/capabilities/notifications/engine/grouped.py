"""What the message of a group says: what is new in it, what still holds, and what is over. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from watchfloor.capabilities.notifications.schemas.message import Message
from watchfloor.kernel.contract import Severity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

GROUP: Final = "notifications.group"
ENDS: Final = frozenset({"finding.accepted", "finding.false_positive", "finding.fixed"})
SHOWN: Final = 50


class Standing(StrEnum):
    """How a message stands in its group."""

    NEW = "new"
    STILL = "still open"
    RESOLVED = "resolved"


@dataclass(frozen=True, kw_only=True)
class Named:
    """One message as its group names it; `asset` only where the group's messages are about several."""

    standing: Standing
    severity: Severity
    title: str
    asset: str = ""


@dataclass(frozen=True, kw_only=True)
class Sending:
    """One sending of a group: its place in the order of sendings, and its part where not all may know all, make the key that it is told once by."""

    group: str
    number: int
    at: datetime
    part: int = 0


def group_message(
    sending: Sending, shown: Sequence[Named], every: Sequence[tuple[Standing, Severity]], labels: Mapping[str, str]
) -> Message:
    """Return the message of a group: members that are shown, at most 50, and the counts of all; `labels` is what they have in common."""
    counts = Counter(standing for standing, _ in every)
    standing = Counter(severity for told, severity in every if told is not Standing.RESOLVED)
    lines = [_line(one) for one in shown[:SHOWN]]
    if len(every) > len(lines):
        lines.append(f"and {len(every) - len(lines)} more")
    numbers = {str(one): str(counts[one]) for one in Standing if counts[one]}
    severities = {str(one): str(standing[one]) for one in sorted(standing, key=lambda one: -one.rank)}
    said = {name: value for name, value in labels.items() if value}
    return Message(
        type=GROUP, severity=max(standing, key=lambda one: one.rank, default=Severity.INFO), title=_title(shown, counts, said)[:200],
        asset=labels.get("asset", "")[:300], lines=tuple(lines), facts={**said, **numbers, **severities}, subject_kind="group",
        subject_id=sending.group, occurred_at=sending.at, dedup_key=f"group:{sending.group}:{sending.number}" + (f":{sending.part}" if sending.part else ""),
    )  # fmt: skip


def _line(one: Named) -> str:
    where = f" ({one.asset})" if one.asset else ""
    how = "" if one.standing is Standing.NEW else f" - {one.standing}"
    return f"{one.severity.upper()} {one.title}{where}{how}"


def _title(shown: Sequence[Named], counts: Counter[Standing], labels: Mapping[str, str]) -> str:
    """Name a message that is alone; say of several how many there are, and what they have in common beside the asset, which titles show anyway."""
    if len(shown) == 1 and counts.total() == 1:
        one = shown[0]
        return one.title if one.standing is Standing.NEW else f"{one.title} - {one.standing}"
    common = ", ".join(value for name, value in labels.items() if name != "asset")
    told = ", ".join(f"{counts[one]} {one}" for one in Standing if counts[one])
    return f"{common}: {told}" if common else f"{counts.total()} messages: {told}"
