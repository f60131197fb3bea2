"""A zygote for the tests of a module, and a look at what its boxes leave behind."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from watchfloor.kernel.sandbox import zygote
from watchfloor.kernel.sandbox.client import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CANARY = "canary-3f1c9a77"


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zygote.Zygote]:
    """A zygote whose parent holds a canary in its environment, its memory and an open file."""
    os.environ["WATCHFLOOR_CANARY"] = CANARY
    with (tmp_path_factory.mktemp("canary") / CANARY).open("w+") as file:
        os.set_inheritable(file.fileno(), True)  # noqa: FBT003 - positional only
        with zygote.start(paths=[Path(__file__).parents[2]]) as started:
            yield started
    del os.environ["WATCHFLOOR_CANARY"]


@pytest.fixture
def left(nursery: zygote.Zygote) -> Callable[[], list[int]]:
    """Find every process forked from the zygote, wherever in the tree it is: forks keep the command line."""

    def look() -> list[int]:
        found = []
        for process in psutil.process_iter(["pid", "cmdline"]):
            words = process.info["cmdline"] or []
            if process.pid != nursery.pid and any(nursery.address in word for word in words):
                found.append(process.pid)
        return found

    return look


@pytest.fixture
def sandbox(nursery: zygote.Zygote, left: Callable[[], list[int]]) -> Iterator[Sandbox]:
    """A sandbox; whatever the test did, no process may be left."""
    yield Sandbox(nursery.address)
    assert left() == []
    assert nursery.alive()
