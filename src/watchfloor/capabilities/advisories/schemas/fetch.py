"""What a job asks of the sandbox about one source on the network, and what it hears beside the frames."""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import Field, SecretStr

from watchfloor.capabilities.advisories.schemas.feed import Accepted, Given, Outcome, Shape


class SoFar(Shape):
    """How far one stream of the source is read: a row of what is stored, the stream "" for the source as a whole."""

    stream: str
    watermark: datetime | None = None
    cursor: dict[str, str] = Field(default_factory=dict)  # as `End.state` and `FetchAnswer.kept` told it


class Manners(Shape):
    """How a source is asked. The defaults are those that the sources wish for."""

    tries: int = Field(5, ge=1, le=20)
    first_pause: timedelta = timedelta(seconds=2)  # doubled with each try
    longest_pause: timedelta = timedelta(minutes=2)
    connect: timedelta = timedelta(seconds=10)
    read: timedelta = timedelta(seconds=60)
    pace: timedelta | None = None  # between two requests; None: what the source asks for
    within: timedelta = timedelta(minutes=90)  # all of it


class FetchRequest(Shape):
    """Ask one source for what is new, or for everything.

    `url` and `second_url` are the settings of that source: NVD's feeds and API, the CVE List's releases and log, CISA's catalog and its
    other place. `full` asks for complete sets even if nothing seems to be missing. `days_back`, of NVD, asks its API for what was modified
    since, and for what was missed before if that is not long ago. `years`, of NVD, are the yearly feeds to load and nothing else, so that a first load can be shared among jobs.
    """

    source: str  # label, such as cve-list
    url: str
    second_url: str = ""
    allowed_hosts: tuple[str, ...] = ()
    allowed_networks: tuple[str, ...] = ()
    proxy: SecretStr = SecretStr("")
    authorities: str = ""  # PEM, trusted beside those of the system
    key: SecretStr = SecretStr("")
    now: datetime
    streams: tuple[SoFar, ...] = ()
    full: bool = False
    days_back: int | None = Field(None, ge=1, le=3650)
    years: tuple[int, ...] = ()
    backfill: timedelta = timedelta(days=30)  # of EUVD, when nothing is known
    manners: Manners = Manners()
    # As in `FeedRequest`, to which they are handed on.
    known: tuple[Given, ...] = ()
    dictionaries: tuple[Given, ...] = ()
    accepted: tuple[Accepted, ...] = ()
    accept: frozenset[str] = frozenset()
    level: int = Field(default=3, ge=1, le=19)

    def watermark(self, *streams: str) -> datetime | None:
        """Return the latest watermark of these streams."""
        found = [one.watermark for one in self.streams if one.stream in streams and one.watermark is not None]
        return max(found, default=None)

    def cursor(self, stream: str) -> dict[str, str]:
        """Return what is kept with a stream; nothing for one that was never read."""
        return next((one.cursor for one in self.streams if one.stream == stream), {})

    def has(self, stream: str) -> bool:
        """Tell whether a stream was ever read to its end."""
        return any(one.stream == stream for one in self.streams)


class FetchAnswer(Shape):
    """What became of a source.

    The box also hands over an answer with `gap` alone before it begins to close one (`keep`): if closing fails, the gap is known already.
    And every few seconds one with nothing in it, as long as it works or waits: the time to renew a lease.
    """

    files: tuple[Outcome, ...] = ()  # what was loaded and read, in order
    unchanged: bool = False  # the source says that nothing is new
    gap: str = ""  # why increments could not reach back to what is stored
    complete: bool = False  # complete sets, or all since the watermark, were read to their end: a gap is closed
    incomplete: str = ""  # the source contradicts itself about how much there is: what came is stored, watermarks stay
    fell_back: str = ""  # why the second address was asked
    notes: tuple[str, ...] = ()  # what an operator should know beside
    kept: dict[str, str] = Field(default_factory=dict)  # to be stored with the source as a whole (stream "") once all is written
    requests: int = 0
    loaded_bytes: int = 0
