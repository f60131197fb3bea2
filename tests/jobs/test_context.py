"""What a handler is given: effects once, progress behind the fence, words of the warden."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from watchfloor.kernel.errors import Cancelled, Fenced, GiveUp, SetupError, SoftTimeLimit
from watchfloor.kernel.jobs.board import Board, Word
from watchfloor.kernel.jobs.context import AttemptContext, HandedBack
from watchfloor.kernel.jobs.states import Outcome

if TYPE_CHECKING:
    from tests.jobs.floor import Floor


def test_effect_is_mine_once(floor: Floor) -> None:
    session, held = floor.started(floor.org())
    context = floor.context(session, held)
    with context.effect("mail") as mine:
        assert mine
        assert floor.ask("select effect, done_at from job_effect") == [("mail", None)]
    assert floor.one("select done_at is not null from job_effect")
    with context.effect("mail") as mine:
        assert not mine
    with context.effect("webhook") as mine:
        assert mine


def test_done_effect_is_not_repeated_by_the_next_attempt(floor: Floor) -> None:
    session, held = floor.started(floor.org())
    with floor.context(session, held).effect("mail"):
        pass
    floor.end(session, held, Outcome.RETRY)
    floor.pass_time(1)
    with floor.context(session, floor.again(session, held.id)).effect("mail") as mine:
        assert not mine


def test_intent_without_completion_is_for_people_to_look_at(floor: Floor) -> None:
    session, held = floor.started(floor.org())
    with pytest.raises(ZeroDivisionError), floor.context(session, held).effect("mail"):
        raise ZeroDivisionError
    floor.end(session, held, Outcome.RETRY)
    floor.pass_time(1)
    again = floor.context(session, floor.again(session, held.id))
    with pytest.raises(GiveUp, match="never confirmed"), again.effect("mail"):
        pytest.fail("the effect was given out twice")


def test_fenced_attempt_gets_no_effect(floor: Floor) -> None:
    session, held = floor.started(floor.org())
    floor.engine("lose_session", session=session)
    floor.reap()
    with pytest.raises(Fenced), floor.context(session, held).effect("mail"):
        pytest.fail("the effect was given to a stale attempt")
    assert floor.one("select count(*) from job_effect") == 0


def test_progress_is_seen_and_changes_the_state(floor: Floor) -> None:
    session, held = floor.started(floor.org())
    floor.context(session, held).progress(3, 10, "ports", "22/tcp")
    assert floor.job(held.id, "state") == "PROGRESS"
    assert floor.ask("select fence, phase, done, total, note from job_progress") == [(1, "ports", 3, 10, "22/tcp")]


def test_progress_is_throttled_and_its_last_value_goes_out(floor: Floor) -> None:
    session, held = floor.started(floor.org())
    context = floor.context(session, held)
    for done in range(100):
        context.progress(done, 100)
    assert floor.one("select done from job_progress") < 99
    context.flush_progress()
    assert floor.one("select done from job_progress") == 99


def test_progress_of_a_stale_attempt_is_ignored(floor: Floor) -> None:
    session, held = floor.started(floor.org())
    stale = floor.context(session, held)
    floor.end(session, held, Outcome.HANDED_BACK)
    stale.progress(9, 10)
    assert floor.one("select count(*) from job_progress") == 0
    again = floor.again(session, held.id)
    floor.context(session, again).progress(1, 10)
    stale = floor.context(session, held)
    stale.progress(9, 10)
    assert floor.ask("select fence, done from job_progress") == [(again.fence, 1)]


def test_new_attempt_starts_without_progress(floor: Floor) -> None:
    session, held = floor.started(floor.org())
    floor.context(session, held).progress(3, 10)
    floor.end(session, held, Outcome.HANDED_BACK)
    again = floor.again(session, held.id)
    assert floor.job(held.id, "state") == "STARTED"
    assert floor.engine("meta", org=again.org, id=again.id)[0][4] is None


def test_text_from_outside_fits_the_database(floor: Floor) -> None:
    session, held = floor.started(floor.org())
    floor.context(session, held).progress(1, 2, "ban\0ner\ud800", "x" * 9000)
    ((phase, note),) = floor.ask("select phase, note from job_progress")
    assert "\0" not in phase
    assert phase.startswith("ban")
    assert len(note) == 2000


@pytest.mark.parametrize(("word", "error"), [(Word.CANCEL, Cancelled), (Word.SOFT_LIMIT, SoftTimeLimit), (Word.HAND_BACK, HandedBack)])
def test_word_of_the_warden_ends_a_wait(floor: Floor, word: Word, error: type[Exception]) -> None:
    session, held = floor.started(floor.org())
    board = Board()
    board.session = session
    context = AttemptContext(floor.ledger, board, held)
    context.obey()
    board.tell(held.id, held.fence, word)
    with pytest.raises(error):
        context.wait(3600)
    assert context.cancelled() == (word is Word.CANCEL)
    assert context.stopping() == (word is Word.HAND_BACK)


def test_word_for_an_earlier_attempt_is_not_for_this_one(floor: Floor) -> None:
    session, held = floor.started(floor.org())
    board = Board()
    board.session = session
    board.tell(held.id, held.fence - 1, Word.CANCEL)
    AttemptContext(floor.ledger, board, held).obey()


def test_worker_without_sandbox_says_so(floor: Floor) -> None:
    session, held = floor.started(floor.org())
    with pytest.raises(SetupError, match="no sandbox"):
        floor.context(session, held).sandbox(lambda request, _report: request, None)  # type: ignore[type-var] # never reached
