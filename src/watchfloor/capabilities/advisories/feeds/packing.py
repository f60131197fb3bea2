"""Compress documents in a second thread while others are decoded, with a dictionary that is trained on the first of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import zstandard

from watchfloor.capabilities.advisories.feeds.spool import Packed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future, ThreadPoolExecutor

    from watchfloor.capabilities.advisories.feeds.spool import News, Spool

_BATCH = 400
_BATCH_BYTES = 2 << 20
_KEPT_BYTES = 128 << 20  # of a file's news in memory; what comes after them is kept on disk
_SPOOLED_BYTES = 2 << 30  # of them on disk; beyond that the file is read a second time
_DICTIONARY_BYTES = 64 << 10
_DICTIONARY_FROM = 300  # fewer documents gain nothing from one
_SAMPLES = 1500
_SAMPLE_BYTES = 16 << 10


class Codec:
    """Compresses with a dictionary, or without; `number` is what `Begin` calls it."""

    def __init__(self, dictionary: bytes | None, number: int | None, level: int) -> None:
        """Take the dictionary, if there is one."""
        self.dictionary, self.number = dictionary, number
        self.told = False
        data = None
        if dictionary is not None:
            data = zstandard.ZstdCompressionDict(dictionary)
            data.precompute_compress(level=level)
        self._zstd = zstandard.ZstdCompressor(level=level, dict_data=data)

    def compress(self, documents: list[bytes]) -> list[bytes]:
        """Compress many."""
        # One call for all: between two calls this thread would have to wait for the other to let go.
        packed = self._zstd.multi_compress_to_buffer(cast("Any", documents), threads=1)
        return [packed[place].tobytes() for place in range(len(packed))]


def trained(samples: list[bytes]) -> bytes | None:
    """Return a dictionary made of documents; None when they are too few or too much alike."""
    if len(samples) < _DICTIONARY_FROM:
        return None
    parts = cast("list[bytes | bytearray | memoryview]", [one[:_SAMPLE_BYTES] for one in samples])
    try:
        return zstandard.train_dictionary(_DICTIONARY_BYTES, parts, level=3, d=8, k=1024).as_bytes()
    except zstandard.ZstdError:
        return None


class Packer:
    """Takes the news of one file, and keeps them compressed until they are asked for: the first in memory, the others on disk."""

    def __init__(self, thread: ThreadPoolExecutor, codec: Codec | None, spool: Spool | None, *, trained_number: int, level: int) -> None:
        """Use a codec; None: train a dictionary, which is called `trained_number`. Without a spool the caller takes what is ready all the time."""
        self.codec = codec
        self.full = False  # more news than are kept
        self._spool = spool
        self._thread, self._level, self._number = thread, level, trained_number
        self._ready: list[Packed] = []
        self._kept = 0
        self._news: list[News] = []
        self._documents: list[bytes] = []
        self._size = 0
        self._waiting: tuple[list[News], Future[list[bytes]]] | None = None

    def add(self, news: News, document: bytes) -> None:
        """Take one document."""
        if self.full:
            return
        self._news.append(news)
        self._documents.append(document)
        self._size += len(document)
        if self.codec is None:
            if len(self._documents) >= _SAMPLES:
                self._train()
        elif len(self._documents) >= _BATCH or self._size >= _BATCH_BYTES:
            self._start()

    def take(self) -> Iterator[Packed]:
        """Yield what is ready, once."""
        ready, self._ready, self._kept = self._ready, [], 0
        yield from ready
        if self._spool is not None:
            yield from self._spool
            self._spool.clear()

    def close(self) -> None:
        """Compress what is left."""
        if self.codec is None and self._documents:
            self._train()
        self._start()
        self._collect()

    def _train(self) -> None:
        dictionary = trained(self._documents)
        self.codec = Codec(dictionary, self._number if dictionary is not None else None, self._level)

    def _start(self) -> None:
        """Compress in steps what has come; wait for the step before."""
        for start in range(0, len(self._documents), _BATCH):
            self._collect()
            news, documents = self._news[start : start + _BATCH], self._documents[start : start + _BATCH]
            self._waiting = news, self._thread.submit(self._compress, documents)
        self._news, self._documents, self._size = [], [], 0

    def _compress(self, documents: list[bytes]) -> list[bytes]:
        assert self.codec is not None  # noqa: S101 - _start comes after _train
        return self.codec.compress(documents)

    def _collect(self) -> None:
        if self._waiting is None:
            return
        news, future = self._waiting
        raws = future.result()
        self._waiting = None
        if self.full:
            return
        packed = Packed(news, raws)
        if self._spool is None or self._kept <= _KEPT_BYTES:
            self._kept += sum(map(len, raws)) + sum(len(one.record) + 200 for one in news)
            self._ready.append(packed)
            return
        self._spool.put(packed)
        if self._spool.size > _SPOOLED_BYTES:
            self.full, self._ready = True, []
            self._spool.clear()
