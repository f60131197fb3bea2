"""The shared page: words reach exactly the attempt they name, stronger ones win, old ones are wiped."""

from __future__ import annotations

import os
from uuid import uuid4

import pytest

from watchfloor.kernel.jobs.board import SLOTS, Board, Word


def test_page_remembers_what_a_worker_shares() -> None:
    board = Board()
    assert board.session.int == 0
    session = uuid4()
    board.session, board.stopping, board.offset_ms, board.received_at = session, True, -7200_000, 12.5
    assert (board.session, board.stopping, board.deaf, board.offset_ms, board.received_at) == (session, True, False, -7200_000, 12.5)
    board.stopping, board.deaf = False, True
    assert (board.session, board.stopping, board.deaf) == (session, False, True)


def test_word_is_for_one_job_and_one_fence() -> None:
    board, job = Board(), uuid4()
    board.tell(job, 3, Word.CANCEL)
    assert board.told(job, 3) is Word.CANCEL
    assert board.told(job, 4) is Word.NONE
    assert board.told(uuid4(), 3) is Word.NONE


def test_stronger_word_replaces_a_weaker_one_only() -> None:
    board, job = Board(), uuid4()
    for word, held in (
        (Word.SOFT_LIMIT, Word.SOFT_LIMIT),
        (Word.CANCEL, Word.SOFT_LIMIT),
        (Word.HAND_BACK, Word.HAND_BACK),
        (Word.KILL, Word.KILL),
    ):
        board.tell(job, 1, word)
        assert board.told(job, 1) is held


def test_next_attempt_of_a_job_can_be_told_too() -> None:
    board, job = Board(), uuid4()
    board.tell(job, 1, Word.CANCEL)
    board.tell(job, 2, Word.HAND_BACK)
    assert board.told(job, 2) is Word.HAND_BACK


def test_words_for_what_runs_no_more_are_wiped() -> None:
    board, gone, stays = Board(), uuid4(), uuid4()
    board.tell(gone, 1, Word.CANCEL)
    board.tell(stays, 1, Word.CANCEL)
    board.keep({(stays, 1)})
    assert (board.told(gone, 1), board.told(stays, 1)) == (Word.NONE, Word.CANCEL)


def test_full_page_still_takes_a_word() -> None:
    board, last = Board(), uuid4()
    for _ in range(SLOTS):
        board.tell(uuid4(), 1, Word.CANCEL)
    board.tell(last, 1, Word.CANCEL)
    assert board.told(last, 1) is Word.CANCEL


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")  # Python 3.12 on; the child only leaves a word
def test_forked_child_reads_what_its_parent_says() -> None:
    board, job = Board(), uuid4()
    child = os.fork()
    if child == 0:
        board.tell(job, 1, Word.HAND_BACK)
        os._exit(0)
    os.waitpid(child, 0)
    assert board.told(job, 1) is Word.HAND_BACK
