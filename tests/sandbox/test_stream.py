"""Frames out of a box, files into it, and a work folder on disk."""

from __future__ import annotations

import io
import os
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from tests.sandbox import hostile
from watchfloor.kernel.clock import monotonic
from watchfloor.kernel.errors import Cancelled, Fenced, GiveUp
from watchfloor.kernel.sandbox import client, workdir
from watchfloor.kernel.sandbox.client import Sandbox, Usage
from watchfloor.kernel.sandbox.profiles import FEED, MIB, SCAN, Mode, Profile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from watchfloor.kernel.sandbox.zygote import Zygote

LIMIT = timedelta(seconds=60)
SMALL = replace(FEED, workdir_bytes=64 * MIB)


def run(sandbox: Sandbox, function: Any, **options: Any) -> hostile.Told:
    request = hostile.Ask(**{name: options.pop(name) for name in ("text", "number") if name in options})
    told: hostile.Told = sandbox.run(function, request, **{"deadline": LIMIT, **options})
    return told


@pytest.fixture(params=[Mode.BEST_EFFORT, Mode.OFF])
def either(request: pytest.FixtureRequest, sandbox: Sandbox, nursery: Zygote) -> Sandbox:
    """A sandbox with all layers and one without any."""
    return sandbox if request.param is Mode.BEST_EFFORT else Sandbox(nursery.address, mode=Mode.OFF)


def test_frames_arrive_whole_in_order_and_before_the_answer(either: Sandbox) -> None:
    seen: list[int] = []

    def take(body: bytes) -> None:
        assert len(body) == MIB
        seen.append(int.from_bytes(body[:8], "big"))

    assert run(either, hostile.stream_megabytes, number=5, stream=take).text == "all sent"
    assert seen == list(range(5))


def test_a_long_stream_needs_little_memory_on_either_side(sandbox: Sandbox) -> None:
    us = psutil.Process()
    before = us.memory_info().rss
    most = total = 0
    used: list[Usage] = []

    def take(body: bytes) -> None:
        nonlocal most, total
        total += len(body)
        most = max(most, us.memory_info().rss - before)

    run(sandbox, hostile.stream_megabytes, number=200, stream=take, observe=used.append)
    assert total == 200 * MIB
    assert most < 32 * MIB
    assert used[0].memory_bytes < 160 * MIB


@pytest.fixture
def piled() -> Iterator[tuple[int, int]]:
    """Make a pipe through which a box says that all of its pile is on the way: where to read that, and where it is written."""
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def test_progress_that_piled_up_behind_a_frame_is_no_flood(
    sandbox: Sandbox, piled: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    late = 0.0
    monkeypatch.setattr(client, "monotonic", lambda: monotonic() + late)

    def take(_body: bytes) -> None:
        nonlocal late
        assert os.read(piled[0], 1) == b"."
        late = 2.0  # seconds that a database took meanwhile

    told = run(
        sandbox, hostile.stream_and_pile_up, number=250, report=lambda done, *_: seen.append(done), stream=take, files={"piled": piled[1]}
    )
    assert told.text == "end"
    assert seen == list(range(250))


def test_progress_beyond_what_a_frame_took_is_a_flood_as_ever(sandbox: Sandbox, piled: tuple[int, int]) -> None:
    with pytest.raises(GiveUp, match="more than 100 reports in one second"):
        run(sandbox, hostile.stream_and_pile_up, number=1000, stream=lambda _body: None, files={"piled": piled[1]})


def test_a_frame_above_the_limit_is_refused_in_the_box(sandbox: Sandbox) -> None:
    seen: list[int] = []
    with pytest.raises(GiveUp, match="a frame has 8388609 bytes, 8388608 are allowed"):
        run(sandbox, hostile.stream_largest, stream=lambda body: seen.append(len(body)))
    assert seen == [8 * MIB]


def test_a_stream_that_nobody_takes_is_an_error_not_a_loss(sandbox: Sandbox) -> None:
    with pytest.raises(GiveUp, match="a stream that nobody asked for"):
        run(sandbox, hostile.stream_megabytes, number=1)


def test_a_box_killed_inside_a_frame_raises_and_gives_no_half_of_it(either: Sandbox) -> None:
    seen: list[bytes] = []
    with pytest.raises(GiveUp, match=r"sandbox: signal: .*SIGKILL"):
        run(either, hostile.stream_and_die, stream=seen.append)
    assert seen == [b"whole"]


def test_what_taking_a_frame_raises_ends_the_box(sandbox: Sandbox, left: Callable[[], list[int]]) -> None:
    def take(_body: bytes) -> None:
        raise Fenced("not ours any more")

    with pytest.raises(Fenced, match="not ours any more"):
        run(sandbox, hostile.stream_for_ever, stream=take)
    assert left() == []


def test_a_stream_can_be_stopped(sandbox: Sandbox) -> None:
    seen: list[int] = []
    with pytest.raises(Cancelled):
        run(sandbox, hostile.stream_for_ever, stream=lambda body: seen.append(len(body)), should_stop=lambda: len(seen) > 3)


def test_a_file_larger_than_the_memory_is_read_in_the_box(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(1024 * MIB - 8)
        file.seek(0, os.SEEK_END)
        file.write(b"the last")
    used: list[Usage] = []
    with path.open("rb") as file:
        told = run(sandbox, hostile.measure_file, text="large", files={"large": file}, observe=used.append)
    assert (told.text, told.facts["last"]) == (str(1024 * MIB), "the last")
    assert used[0].memory_bytes < SCAN.memory_bytes / 2


def test_files_are_opened_by_name_from_their_beginning_as_often_as_wanted(either: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"bb")
    with (tmp_path / "a").open("w+b") as written:
        written.write(b"aa")  # not flushed yet, and the position stands at the end
        number = os.open(tmp_path / "b", os.O_RDONLY)
        try:
            told = run(either, hostile.read_files, text="first second", files={"first": written, "second": number})
        finally:
            os.close(number)
    assert told.facts == {"first": "aa|aa", "second": "bb|bb"}


def test_a_pipe_is_read_to_its_end(sandbox: Sandbox) -> None:
    read, write = os.pipe()
    with os.fdopen(read, "rb") as end:
        os.write(write, b"piped")
        os.close(write)
        assert run(sandbox, hostile.measure_file, text="pipe", files={"pipe": end}).text == "5"


def test_a_file_is_as_open_as_the_caller_opened_it(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"")
    with path.open("rb") as file, pytest.raises(GiveUp, match="UnsupportedOperation: write"):
        run(sandbox, hostile.write_file, files={"file": file})
    with path.open("wb") as file:
        run(sandbox, hostile.write_file, files={"file": file})
    assert path.read_bytes() == b"from the box"


def test_an_unknown_file_is_named_with_those_there_are(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "here").write_bytes(b"")
    with (tmp_path / "here").open("rb") as file, pytest.raises(GiveUp, match="no file 'gone' was given to this box; there are: here"):
        run(sandbox, hostile.measure_file, text="gone", files={"here": file})
    with pytest.raises(GiveUp, match="there are: none"):
        run(sandbox, hostile.measure_file, text="gone")


def test_only_the_given_files_are_open_in_the_box(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    with (tmp_path / "a").open("rb") as file:
        assert run(sandbox, hostile.look_around, files={"a": file, "b": file}).facts["open"] == "[0, 1, 2, 3, 4, 5]"


def test_more_files_than_can_travel_are_refused(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="129 files for one box, 128 are allowed"):
        run(sandbox, hostile.echo, files={str(number): 0 for number in range(129)})


def test_a_file_without_a_descriptor_is_the_callers_mistake(sandbox: Sandbox) -> None:
    with pytest.raises(io.UnsupportedOperation):
        run(sandbox, hostile.echo, files={"memory": io.BytesIO(b"x")})


@pytest.mark.parametrize("profile", [SCAN, FEED])
def test_temporary_files_are_made_in_the_work_folder(either: Sandbox, profile: Profile) -> None:
    told = run(either, hostile.use_temporary_files, profile=profile)
    assert told.text == told.facts["here"]


def test_a_spool_on_disk_uses_no_memory(sandbox: Sandbox) -> None:
    used: list[Usage] = []
    told = run(sandbox, hostile.spool, number=300, profile=replace(FEED, memory_bytes=160 * MIB), observe=used.append)
    assert told.text == str(300 * MIB)
    assert used[0].memory_bytes < 120 * MIB
    assert Path(told.facts["folder"]).parent == Path(workdir.disk())
    assert not Path(told.facts["folder"]).exists()


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="this system has no folder that is always in memory")  # noqa: S108 - only named
def test_a_folder_in_memory_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "/dev/shm")  # noqa: S108 - only named
    assert workdir.disk() != "/dev/shm"  # noqa: S108 - only named


def test_a_folder_on_disk_is_bounded(sandbox: Sandbox) -> None:
    seen: list[str] = []
    with pytest.raises(GiveUp, match="sandbox: files: the box wrote more than its limit of 64 MiB"):
        run(sandbox, hostile.fill_folder, profile=SMALL, report=lambda *shown: seen.append(shown[3]))
    assert not Path(seen[0]).exists()


def test_folders_of_killed_keepers_are_swept_and_those_in_use_are_not() -> None:
    place = workdir.disk()
    lost, young = (tempfile.mkdtemp(prefix="watchfloor-box-", dir=place) for _ in range(2))
    (Path(lost) / "spool").write_bytes(b"x")
    os.utime(lost, (1, 1))
    held = workdir.make(on_disk=True)
    os.utime(held.path, (1, 1))
    workdir.sweep()
    try:
        assert not Path(lost).exists()
        assert Path(young).exists()
        assert Path(held.path).exists()
    finally:
        held.remove()
        Path(young).rmdir()
