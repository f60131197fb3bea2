"""A page of memory that a worker's parent, warden and children share: who they are, and whom the warden wants to stop.

The warden writes a word for a job before it signals the child; the child obeys only a word that names the very attempt
it runs. A signal that arrives late can therefore never stop the next job.
"""

from __future__ import annotations

import mmap
import struct
from enum import IntEnum
from uuid import UUID

HEADER = struct.Struct("<16sIdq")  # session id, flags, monotonic second of the last message, milliseconds to the database's clock
STOPPING, DEAF, DESERTED = 1, 2, 4
SLOT = struct.Struct("<16sqB")  # job id, fence, word
SLOTS = 512
EMPTY = b"\0" * 16
LEAVER = struct.Struct("<I")  # pid of a child that ended as planned
LEAVERS = 256


class Word(IntEnum):
    """What the warden asks of one attempt."""

    NONE = 0
    CANCEL = 1
    SOFT_LIMIT = 2
    HAND_BACK = 3
    KILL = 4


class Board:
    """The shared page; made before the first fork."""

    def __init__(self) -> None:
        """Map anonymous shared memory."""
        self._page = mmap.mmap(-1, HEADER.size + SLOTS * SLOT.size + LEAVERS * LEAVER.size)

    @property
    def session(self) -> UUID:
        """Return the worker session under which children claim; all zero while there is none."""
        return UUID(bytes=HEADER.unpack_from(self._page)[0])

    @session.setter
    def session(self, session: UUID) -> None:
        self._page[0:16] = session.bytes

    @property
    def stopping(self) -> bool:
        """Tell whether this worker is on its way out."""
        return bool(self._flags() & STOPPING)

    @stopping.setter
    def stopping(self, value: bool) -> None:
        self._flag(STOPPING, value)

    @property
    def deaf(self) -> bool:
        """Tell whether the warden found that this worker hears nothing."""
        return bool(self._flags() & DEAF)

    @deaf.setter
    def deaf(self, value: bool) -> None:
        self._flag(DEAF, value)

    @property
    def deserted(self) -> bool:
        """Tell whether the warden is gone: nobody beats, so every attempt has to be handed back while its session lives."""
        return bool(self._flags() & DESERTED)

    @deserted.setter
    def deserted(self, value: bool) -> None:
        self._flag(DESERTED, value)

    @property
    def offset_ms(self) -> int:
        """Return how far the database's clock is ahead of this machine's."""
        return int(struct.unpack_from("<q", self._page, 28)[0])

    @offset_ms.setter
    def offset_ms(self, value: int) -> None:
        struct.pack_into("<q", self._page, 28, value)

    @property
    def received_at(self) -> float:
        """Return the monotonic second at which the parent last saw a message."""
        return float(struct.unpack_from("<d", self._page, 20)[0])

    @received_at.setter
    def received_at(self, moment: float) -> None:
        struct.pack_into("<d", self._page, 20, moment)

    def leave(self, pid: int) -> None:
        """Say that a child ends as planned, holding no ticket."""
        LEAVER.pack_into(self._page, self._leaver_at(pid), pid)

    def left(self, pid: int) -> bool:
        """Tell whether a child that is gone ended as planned."""
        return LEAVER.unpack_from(self._page, self._leaver_at(pid)) == (pid,)

    @staticmethod
    def _leaver_at(pid: int) -> int:
        return HEADER.size + SLOTS * SLOT.size + pid % LEAVERS * LEAVER.size

    def _flags(self) -> int:
        return int(HEADER.unpack_from(self._page)[1])

    def _flag(self, flag: int, value: bool) -> None:  # noqa: FBT001 - a flag's value
        struct.pack_into("<I", self._page, 16, self._flags() | flag if value else self._flags() & ~flag)

    def tell(self, job: UUID, fence: int, word: Word) -> None:
        """Leave a word for one attempt; a stronger word replaces a weaker one."""
        free = None
        for slot in range(SLOTS):
            at = HEADER.size + slot * SLOT.size
            name, held, said = SLOT.unpack_from(self._page, at)
            if name == job.bytes and held == fence:
                if word > said:
                    SLOT.pack_into(self._page, at, job.bytes, fence, word)
                return
            if name == EMPTY and free is None:
                free = at
        SLOT.pack_into(self._page, HEADER.size if free is None else free, job.bytes, fence, word)

    def told(self, job: UUID, fence: int) -> Word:
        """Return the word left for an attempt."""
        page = self._page
        found = page.find(job.bytes, HEADER.size)
        while found >= 0:  # an earlier attempt's word may stand before this one's until it is wiped
            _name, held, word = SLOT.unpack_from(page, found)
            if held == fence:
                return Word(word)
            found = page.find(job.bytes, found + SLOT.size)
        return Word.NONE

    def keep(self, running: set[tuple[UUID, int]]) -> None:
        """Wipe the words for attempts that run no more."""
        for slot in range(SLOTS):
            at = HEADER.size + slot * SLOT.size
            name, fence, _word = SLOT.unpack_from(self._page, at)
            if name != EMPTY and (UUID(bytes=name), fence) not in running:
                SLOT.pack_into(self._page, at, EMPTY, 0, 0)
