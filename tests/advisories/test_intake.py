"""Frames become rows: what comes twice, late, broken or not at all, and what is left when taking is cut short."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest

from tests.advisories.contents import contents
from tests.advisories.sources import Press, key
from watchfloor.capabilities.advisories.jobs import intake as intakes
from watchfloor.capabilities.advisories.jobs.intake import Intake
from watchfloor.capabilities.advisories.schemas import frames
from watchfloor.capabilities.advisories.schemas.records.nvd import Configuration, CpeMatch, Node, NvdRecord, Text
from watchfloor.capabilities.advisories.schemas.words import Source, name_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from uuid import UUID

    from watchfloor.capabilities.advisories.jobs.writing import Tally
    from watchfloor.kernel.contract import JobContext
    from watchfloor.kernel.jobs.ledger import Ledger

A, B = "CVE-2015-0001", "CVE-2015-0002"
DAY = datetime(2026, 3, 1, tzinfo=UTC)
WRITTEN = ("adv_raw", "adv_fact", "adv_metric", "adv_criterion", "adv_touched")


@pytest.fixture
def press(ledger: Ledger, org: UUID) -> Iterator[Press]:
    made = Press(ledger.database, org)
    made.forget()
    yield made
    made.forget()


def document(cve: str, text: str = "A flaw.", *, day: int = 0, version: str = "1.0") -> frames.Document:
    """Return what the box tells of a record of NVD."""
    match = CpeMatch(criteria=f"cpe:2.3:a:acme:gadget:{version}:*:*:*:*:*:*:*")
    record = NvdRecord(
        id=cve, published="2015-01-01T00:00:00.000", vuln_status="Analyzed", descriptions=(Text(lang="en", value=text),),
        configurations=(Configuration(nodes=(Node(cpe_match=(match,)),)),),
    )  # fmt: skip
    digest = msgspec.json.encode([cve, text, version])[-16:].rjust(16, b" ")
    return frames.Document(key(cve), digest, DAY + timedelta(days=day), b"packed", msgspec.Raw(msgspec.msgpack.encode(record)))


def begin(*, complete: bool = False, stream: str = "modified") -> frames.Begin:
    return frames.Begin("feed", int(Source.NVD), stream, complete, None)


def told(*items: frames.Document) -> frames.Documents:
    return frames.Documents(int(Source.NVD), list(items))


def end(count: int, *, stream: str = "modified") -> frames.End:
    return frames.End("feed", int(Source.NVD), stream, count, count, 0, 0, DAY, {}, {"sha256": "00"})


def take(press: Press, *given: frames.AnyFrame) -> Tally:
    with Intake(cast("JobContext", press), history=2) as intake:
        for one in given:
            intake.take(frames.pack(one))
    return intake.tally


def texts(press: Press) -> dict[str, str]:
    """Return what is stored of NVD's words, by CVE."""
    return {name_of(k): descr for k, descr in press.rows("select k, descr from adv_fact order by k")}


def accepted(press: Press) -> list[Any]:
    return press.rows("select stream, rows_ok, watermark from adv_stream where src = 1 and ok_at is not null order by stream")


def test_documents_become_rows_and_the_stream_is_as_far_as_they_are(press: Press) -> None:
    tally = take(press, begin(stream="api"), told(document(A), document(B)), end(2, stream="api"))
    assert (tally.rows, tally.changed, tally.unchanged, tally.rejected) == (2, 2, 0, 0)
    assert texts(press) == {A: "A flaw.", B: "A flaw."}
    assert press.rows("select count(*) from adv_criterion c join adv_product p on p.id = c.product_id where p.product = 'gadget'") == [(2,)]
    assert press.rows("select k from adv_touched order by k") == [(key(A),), (key(B),)]
    assert accepted(press) == [("api", 0, DAY)]


def test_of_one_that_comes_twice_the_later_stays(press: Press) -> None:
    tally = take(press, begin(), told(document(A, "First.")), told(document(A, "Second.", day=1)), end(2))
    assert texts(press) == {A: "Second."}
    assert (tally.changed, tally.unchanged) == (1, 1)
    assert press.rows("select count(*) from adv_criterion") == [(1,)]


def test_one_that_comes_again_in_a_later_chunk_replaces_it(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intakes, "CHUNK_DOCUMENTS", 1)
    tally = take(press, begin(), told(document(A, "First.")), told(document(A, "Second.", day=1, version="2.0")), end(2))
    assert (texts(press), tally.changed) == ({A: "Second."}, 2)
    assert press.rows("select text from adv_criterion") == [("2.0",)]
    assert press.rows("select count(*) from adv_raw_old") == [(1,)]


def test_an_older_document_is_none(press: Press) -> None:
    take(press, begin(), told(document(A, "New.", day=2)), end(1))
    tally = take(press, begin(), told(document(A, "Old.", day=1)), end(1))
    assert (texts(press), tally.changed, tally.unchanged) == ({A: "New."}, 0, 1)


def test_the_same_document_again_touches_nothing(press: Press) -> None:
    take(press, begin(), told(document(A)), end(1))
    press.settle()
    take(press, begin(), told(document(A)), end(1))
    assert press.rows("select count(*) from adv_touched") == [(0,)]


def test_what_a_complete_set_leaves_out_is_gone_and_comes_back(press: Press) -> None:
    take(press, begin(complete=True, stream="2015"), told(document(A), document(B)), end(2, stream="2015"))
    tally = take(press, begin(complete=True, stream="2015"), told(document(A)), end(1, stream="2015"))
    assert (tally.lost, list(texts(press))) == (1, [A])
    assert press.rows("select gone_at is not null from adv_raw order by k") == [(False,), (True,)]
    assert press.rows("select count(*) from adv_criterion where k = %s", key(B)) == [(0,)]
    take(press, begin(complete=True, stream="2015"), told(document(A), document(B)), end(2, stream="2015"))
    assert list(texts(press)) == [A, B]


def test_a_year_says_nothing_of_other_years(press: Press) -> None:
    take(press, begin(complete=True, stream="2015"), told(document(A)), end(1, stream="2015"))
    take(press, begin(complete=True, stream="2016"), told(document("CVE-2016-0001")), end(1, stream="2016"))
    assert list(texts(press)) == [A, "CVE-2016-0001"]


def test_a_document_without_sense_is_refused_alone(press: Press) -> None:
    bad = msgspec.structs.replace(document(B), record=msgspec.Raw(msgspec.msgpack.encode({"descriptions": 5})))
    tally = take(press, begin(), told(document(A), bad), end(2))
    assert (tally.rejected, list(texts(press))) == (1, [A])
    assert [(ref, "descriptions" in reason) for ref, reason in press.rows("select ref, reason from adv_reject")] == [(B, True)]


def test_nul_and_half_characters_are_stored_as_replaced(press: Press) -> None:
    take(press, begin(), told(document(A, "a\0b", version="1\\u00000")), end(1))
    assert texts(press) == {A: "a\N{REPLACEMENT CHARACTER}b"}


def test_what_is_told_before_any_file_is_nobodys(press: Press) -> None:
    take(press, told(document(A)), end(1))
    assert (texts(press), accepted(press)) == ({}, [])


class CutShort(Exception):
    """The box ends in the middle."""


def stream(count: int) -> list[frames.AnyFrame]:
    """Return a file of so many documents, one a frame."""
    return [
        begin(complete=True, stream="2015"),
        *(told(document(f"CVE-2015-{n:04d}", f"Flaw {n}.", version=f"1.{n % 7}")) for n in range(1, count + 1)),
        end(count, stream="2015"),
    ]


def undisturbed(press: Press, given: Iterable[frames.AnyFrame]) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows after a run that nothing disturbs, and forget them."""
    take(press, *given)
    rows = contents(press.database.url, *WRITTEN)
    press.forget()
    return rows


@pytest.mark.parametrize("cut", [1, 5, 9, 14, 20])
def test_cut_short_anywhere_and_taken_again_it_is_the_same(press: Press, monkeypatch: pytest.MonkeyPatch, cut: int) -> None:
    monkeypatch.setattr(intakes, "CHUNK_DOCUMENTS", 4)
    given = stream(20)
    rows = undisturbed(press, given)

    def cut_short() -> None:
        with Intake(cast("JobContext", press), history=2) as intake:
            for one in given[:cut]:
                intake.take(frames.pack(one))
            raise CutShort

    with pytest.raises(CutShort):
        cut_short()
    assert accepted(press) == []
    take(press, *given)
    assert contents(press.database.url, *WRITTEN) == rows
    assert accepted(press) == [("2015", 20, DAY)]


def test_a_chunk_that_cannot_be_written_ends_the_file_before_its_end(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intakes, "CHUNK_DOCUMENTS", 4)
    given = stream(20)
    rows = undisturbed(press, given)
    _fail_at(monkeypatch, 3)
    with pytest.raises(CutShort):
        take(press, *given)
    assert (accepted(press), len(texts(press))) == ([], 8)
    take(press, *given)
    assert contents(press.database.url, *WRITTEN) == rows


def _fail_at(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    """Have the writing of one chunk fail once, in its transaction."""
    left = [chunk]
    real: Callable[[Press, Any], None] = Press.advanced

    def advanced(self: Press, session: Any) -> None:
        left[0] -= 1
        if not left[0]:
            raise CutShort
        real(self, session)

    monkeypatch.setattr(Press, "advanced", advanced)


def test_a_frame_that_is_none_ends_the_file_before_its_end(press: Press) -> None:
    with Intake(cast("JobContext", press), history=2) as intake:
        intake.take(frames.pack(begin()))
        intake.take(b"\xc1")
        with pytest.raises(msgspec.MsgspecError):
            intake.rest()
        intake.take(frames.pack(end(0)))
    assert accepted(press) == []


def test_two_that_take_the_same_at_once_leave_what_one_leaves(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intakes, "CHUNK_DOCUMENTS", 4)
    given = stream(40)
    rows = undisturbed(press, given)
    with ThreadPoolExecutor(2) as threads:
        tallies = [one.result() for one in [threads.submit(take, press, *given) for _ in range(2)]]
    assert contents(press.database.url, *WRITTEN) == rows
    assert sum(one.changed for one in tallies) == 40
