"""Whether a message is one that a silence, a route or a filter means. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from watchfloor.capabilities.notifications.schemas.rules import AssetFilter, Matchers
    from watchfloor.kernel.contract import Severity


@dataclass(frozen=True)
class About:
    """One asset: all names and addresses that it is known by, and its tags."""

    names: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What a message is about: `assets` are all names and addresses that the asset is known by, none when it is about nothing we know.

    `others` are further assets of one message; not `complete` when it is about still more, of which nobody can say what they are.
    """

    type: str
    severity: Severity
    assets: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    others: tuple[About, ...] = ()
    complete: bool = True

    @property
    def abouts(self) -> tuple[About, ...]:
        """Return every asset that is known, at least one that has neither name nor tag."""
        return (About(self.assets, self.tags), *self.others)


@dataclass(frozen=True, kw_only=True)
class Silence:
    """What is not told, from when until just before when."""

    matchers: Matchers
    starts_at: datetime
    ends_at: datetime


def glob_fits(pattern: str, text: str) -> bool:
    """Tell whether `text` is what `pattern` says: * is any characters, ? is one, all else is itself.

    Takes at most as many steps as the lengths' product, however the pattern is built.
    """
    if pattern in {"*", text}:
        return True
    at = place = kept = 0
    star = -1
    while at < len(text):
        if place < len(pattern) and pattern[place] == "*":
            star, kept = place, at
            place += 1
        elif place < len(pattern) and pattern[place] in {"?", text[at]}:
            place += 1
            at += 1
        elif star >= 0:
            place, kept = star + 1, kept + 1
            at = kept
        else:
            return False
    return not pattern[place:].strip("*")


def event_fits(globs: Iterable[str], type_: str) -> bool:
    """Tell whether one of the patterns means this event."""
    return any(glob_fits(one, type_) for one in globs)


def assets_fit(wanted: AssetFilter, subject: Subject) -> bool:
    """Tell whether a filter lets this through; letters count alike, large or small.

    A message about no asset passes a filter that only excludes, and none that names what it wants. One about several passes when one of
    them does, or when one that does may be among those that nobody lists: what is not known is told rather than lost.
    """
    return wanted.empty or not subject.complete or any(_fits(wanted, one) for one in subject.abouts)


def matches(matchers: Matchers, subject: Subject) -> bool:
    """Tell whether every part that says something fits; of several assets all must, so that no other is silenced along with them."""
    return (
        (not matchers.events or event_fits(matchers.events, subject.type))
        and (not matchers.severities or subject.severity in matchers.severities)
        and (matchers.assets.empty or (subject.complete and all(_fits(matchers.assets, one) for one in subject.abouts)))
    )


def silenced(silences: Iterable[Silence], subject: Subject, now: datetime) -> bool:
    """Tell whether one of the silences holds now and means this."""
    return any(one.starts_at <= now < one.ends_at and matches(one.matchers, subject) for one in silences)


def _fits(wanted: AssetFilter, one: About) -> bool:
    tags = {tag.casefold() for tag in one.tags}
    if _named(wanted.exclude_names, one.names) or _tagged(wanted.exclude_tags, tags):
        return False
    return not (wanted.names or wanted.tags) or _named(wanted.names, one.names) or _tagged(wanted.tags, tags)


def _named(globs: Iterable[str], names: Iterable[str]) -> bool:
    folded = [name.casefold() for name in names]
    return any(glob_fits(glob.casefold(), name) for glob in globs for name in folded)


def _tagged(wanted: Iterable[str], tags: set[str]) -> bool:
    return any(tag.casefold() in tags for tag in wanted)
