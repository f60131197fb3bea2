"""Every way a box can misbehave ends bounded, with its own words, and leaves no process."""

from __future__ import annotations

import signal
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.sandbox import hostile
from watchfloor.kernel.errors import Cancelled, GiveUp
from watchfloor.kernel.sandbox.client import Sandbox, Usage
from watchfloor.kernel.sandbox.profiles import MIB, SCAN, Mode

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchfloor.kernel.sandbox.zygote import Zygote

LIMIT = timedelta(seconds=30)
SMALL = replace(SCAN, memory_bytes=128 * MIB, processes=8, file_bytes=4 * MIB)


def run(sandbox: Sandbox, function: Any, number: int = 0, **options: Any) -> hostile.Told:
    told: hostile.Told = sandbox.run(function, hostile.Ask(number=number), **{"deadline": LIMIT, "profile": SMALL, **options})
    return told


class Button:
    """Stops the box as soon as it reports that it is ready."""

    def __init__(self) -> None:
        self.pressed = False

    def report(self, *_: object) -> None:
        """Take the report as the sign."""
        self.pressed = True

    def __call__(self) -> bool:
        """Tell whether to stop."""
        return self.pressed


@pytest.fixture(params=[Mode.BEST_EFFORT, Mode.OFF])
def either(request: pytest.FixtureRequest, nursery: Zygote, sandbox: Sandbox) -> Sandbox:
    """With every layer, and with none: processes must be gone even without a pid namespace."""
    assert sandbox  # its own checks follow after the test
    return Sandbox(nursery.address, mode=request.param)


@pytest.mark.parametrize(("function", "message"), [
    (hostile.flood_channel, "protocol: .*reports in one second"), (hostile.forge_layers, "protocol: .*out of turn"),
    (hostile.announce_terabyte, "protocol: .*4294967295 bytes"), (hostile.answer_another_shape, "promised shape: text"),
    (hostile.deep_answer, "promised shape"), (hostile.huge_answer, "the answer has .* bytes"),
])  # fmt: skip
def test_what_the_box_sends_is_bounded_and_checked(sandbox: Sandbox, function: Any, message: str) -> None:
    with pytest.raises(GiveUp, match=message):
        run(sandbox, function)


@pytest.mark.parametrize("function", [hostile.grow_list, hostile.grow_as_family, hostile.grow_shared])
def test_memory_ends_at_the_limit(sandbox: Sandbox, function: Any) -> None:
    with pytest.raises(GiveUp, match="sandbox: memory"):
        run(sandbox, function)


def test_fork_bomb_ends(sandbox: Sandbox) -> None:
    with pytest.raises(GiveUp, match=r"sandbox: (processes|memory)"):
        run(sandbox, hostile.fork_bomb)


@pytest.mark.parametrize("function", [hostile.spin, hostile.print_for_ever, hostile.wait_for_ever, hostile.ignore_sigterm])
def test_deadline_ends_it(either: Sandbox, function: Any) -> None:
    with pytest.raises(GiveUp, match=r"sandbox: deadline: .* 0.5 s"):
        run(either, function, deadline=timedelta(seconds=0.5))


@pytest.mark.parametrize("function", [hostile.wait_for_ever, hostile.ignore_sigterm, hostile.daemonise_and_stay])
def test_stop_ends_it(either: Sandbox, function: Any) -> None:
    button = Button()
    with pytest.raises(Cancelled):
        run(either, function, report=button.report, should_stop=button)


def test_polite_code_may_finish_when_stopped(either: Sandbox) -> None:
    button = Button()
    assert run(either, hostile.say_goodbye, report=button.report, should_stop=button).text == "stopped politely"


def test_what_should_stop_raises_passes_after_the_box_is_gone(either: Sandbox, left: Callable[[], list[int]]) -> None:
    def stop() -> bool:
        raise TimeoutError("soft limit")

    with pytest.raises(TimeoutError, match="soft limit"):
        run(either, hostile.ignore_sigterm, should_stop=stop)
    assert left() == []


def test_what_report_raises_passes_after_the_box_is_gone(either: Sandbox, left: Callable[[], list[int]]) -> None:
    def report(*_: object) -> None:
        raise TimeoutError("fenced")

    with pytest.raises(TimeoutError, match="fenced"):
        run(either, hostile.ignore_sigterm, report=report)
    assert left() == []


def test_daemon_left_behind_is_gone_when_the_answer_is_here(either: Sandbox, left: Callable[[], list[int]]) -> None:
    assert run(either, hostile.daemonise_and_answer).text == "innocent"
    assert left() == []


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL, signal.SIGABRT])
def test_signal_is_named(either: Sandbox, number: signal.Signals) -> None:
    with pytest.raises(GiveUp, match=rf"sandbox: signal: .*{number.name}"):
        run(either, hostile.crash, number=number)


@pytest.mark.parametrize("code", [0, 7, 200])
def test_exit_without_answer_is_named(either: Sandbox, code: int) -> None:
    with pytest.raises(GiveUp, match=rf"sandbox: exit: .* code {code} "):
        run(either, hostile.leave, number=code)


def test_large_file_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(GiveUp, match=r"sandbox: OSError: .*(too large|No space left)"):
        run(sandbox, hostile.write_large_file)


def test_work_folder_is_removed_however_deep(either: Sandbox) -> None:
    folder = run(either, hostile.write_many_files).text
    assert Path(folder).name.startswith("watchfloor-box-")
    assert not Path(folder).exists()
    assert Path("/etc").is_dir()


def test_killed_box_leaves_no_work_folder(sandbox: Sandbox) -> None:
    seen: list[str] = []
    with pytest.raises(GiveUp):
        run(sandbox, hostile.spin, deadline=timedelta(seconds=0.5), report=lambda *shown: seen.append(shown[3]))
    assert Path(seen[0]).name.startswith("watchfloor-box-")
    assert not Path(seen[0]).exists()


def test_usage_is_observed_even_when_it_fails(sandbox: Sandbox) -> None:
    seen: list[Usage] = []
    with pytest.raises(GiveUp):
        run(sandbox, hostile.spin, deadline=timedelta(seconds=0.5), observe=seen.append)
    assert len(seen) == 1
    assert seen[0].seconds >= 0.5
    assert seen[0].memory_bytes > MIB
    assert seen[0].in_force


def test_supervisor_survives_unharmed(sandbox: Sandbox) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        with pytest.raises(GiveUp):
            run(sandbox, hostile.leave, number=1)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
