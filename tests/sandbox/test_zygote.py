"""Who dies with whom: owner, zygote, keeper, supervisor, box."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from tests.sandbox import hostile
from watchfloor.kernel.errors import Cancelled, GiveUp, SetupError
from watchfloor.kernel.sandbox import zygote
from watchfloor.kernel.sandbox.client import Sandbox
from watchfloor.kernel.sandbox.nursery import KIND
from watchfloor.kernel.sandbox.profiles import Mode

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = str(Path(__file__).parents[2])
LIMIT = timedelta(seconds=60)
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are followed through /proc")

# A worker parent in small: owns a zygote, and a forked child of it supervises a box.
WORKER = """
import json, os, sys, time
from datetime import timedelta
sys.path.insert(0, sys.argv[1])
from tests.sandbox import hostile
from watchfloor.kernel.sandbox import zygote
from watchfloor.kernel.sandbox.client import Sandbox
from watchfloor.kernel.sandbox.profiles import Mode
owned = zygote.start(paths=[sys.argv[1]])
child = os.fork()
if child == 0:
    def ready(*_):
        print(json.dumps({"zygote": owned.pid, "address": owned.address, "supervisor": os.getpid()}), flush=True)
    Sandbox(owned.address, mode=Mode(sys.argv[2])).run(hostile.daemonise_and_stay, hostile.Ask(), deadline=timedelta(minutes=5), report=ready)
    os._exit(1)
if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) >= 0:
    sys.exit("the supervisor ended by itself")
sys.stdin.read()
"""


def of(address: str) -> list[psutil.Process]:
    """Return every process that carries this zygote's address on its command line."""
    return [process for process in psutil.process_iter(["cmdline"]) if any(address in word for word in process.info["cmdline"] or [])]


def ended(processes: list[psutil.Process]) -> bool:
    """Wait for their end; the limit is for a failing test only."""
    return not psutil.wait_procs(processes, timeout=30)[1]


@pytest.fixture(params=[Mode.BEST_EFFORT, Mode.OFF])
def worker(request: pytest.FixtureRequest) -> Any:
    """A worker with one busy box that daemonised and ignores SIGTERM."""
    process = subprocess.Popen([sys.executable, "-c", WORKER, ROOT, request.param], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    facts = json.loads(process.stdout.readline())
    yield process, facts
    process.kill()
    process.communicate()
    with_supervisor = [psutil.Process(facts["supervisor"])] if psutil.pid_exists(facts["supervisor"]) else []
    for rest in with_supervisor:
        rest.kill()
    assert ended(of(facts["address"]))


def boxes(facts: dict[str, Any]) -> list[psutil.Process]:
    return [process for process in of(facts["address"]) if process.pid != facts["zygote"]]


def test_killed_supervisor_takes_its_box_along(worker: Any) -> None:
    _, facts = worker
    running = boxes(facts)
    assert len(running) >= 3
    os.kill(facts["supervisor"], signal.SIGKILL)
    assert ended(running)
    assert psutil.pid_exists(facts["zygote"])


def test_killed_owner_takes_zygote_and_boxes_along(worker: Any) -> None:
    process, facts = worker
    everything = of(facts["address"])
    process.kill()
    assert ended(everything)
    assert not Path(facts["address"]).parent.exists()


def test_killed_zygote_takes_boxes_along(worker: Any) -> None:
    _, facts = worker
    running = boxes(facts)
    os.kill(facts["zygote"], signal.SIGKILL)
    assert ended(running)


def test_killed_keeper_leaves_nothing(worker: Any) -> None:
    _, facts = worker
    running = boxes(facts)
    keeper = next(process for process in running if process.ppid() == facts["zygote"])
    keeper.kill()
    assert ended(running)


def test_lost_zygote_is_a_clear_error_and_restart_heals() -> None:
    with zygote.start(paths=[ROOT]) as owned:
        sandbox = Sandbox(owned.address)
        assert owned.alive()
        os.kill(owned.pid, signal.SIGKILL)
        assert ended([process for process in of(owned.address) if process.pid != owned.pid])
        with pytest.raises(SetupError, match="restart the worker"):
            sandbox.run(hostile.echo, hostile.Ask(), deadline=LIMIT)
        owned.restart()
        assert owned.alive()
        assert sandbox.run(hostile.echo, hostile.Ask(text="again"), deadline=LIMIT).text == "again"
    assert not owned.alive()


def test_zygote_lost_while_a_box_runs_is_a_clear_error() -> None:
    with zygote.start(paths=[ROOT]) as owned:
        with pytest.raises(SetupError, match="zygote ended"):
            Sandbox(owned.address).run(
                hostile.ignore_sigterm, hostile.Ask(), deadline=LIMIT, report=lambda *_: os.kill(owned.pid, signal.SIGKILL)
            )
        owned.restart()


def test_modules_are_loaded_once_nobody_waits_and_a_missing_one_ends_nothing(tmp_path: Path) -> None:
    door = tmp_path / "door"
    os.mkfifo(door)
    (tmp_path / "wanted_by_boxes.py").write_text(f"open({str(door)!r}, 'w').close()")
    with zygote.start(paths=[ROOT, tmp_path], warm=["is_not_there", "wanted_by_boxes"]) as owned:
        door.open().close()  # opens when the module is imported
        sandbox = Sandbox(owned.address)
        assert sandbox.run(hostile.is_loaded, hostile.Ask(text="wanted_by_boxes"), deadline=LIMIT).text == "True"
        assert sandbox.run(hostile.is_loaded, hostile.Ask(text="is_not_there"), deadline=LIMIT).text == "False"


def test_stop_ends_running_boxes() -> None:
    owned = zygote.start(paths=[ROOT])
    ready = threading.Event()
    caught: list[BaseException] = []

    def supervise() -> None:
        try:
            Sandbox(owned.address).run(hostile.ignore_sigterm, hostile.Ask(), deadline=LIMIT, report=lambda *_: ready.set())
        except SetupError as error:
            caught.append(error)

    thread = threading.Thread(target=supervise)
    thread.start()
    assert ready.wait(30)
    owned.stop()
    thread.join(30)
    assert len(caught) == 1
    assert of(owned.address) == []
    assert not Path(owned.address).parent.exists()


def _in_pool(address: str, results: Any) -> None:
    results.put(Sandbox(address).run(hostile.echo, hostile.Ask(text="daemon"), deadline=LIMIT).text)


@pytest.mark.usefixtures("sandbox")
def test_works_in_daemonic_pool_children(nursery: zygote.Zygote) -> None:
    fork = multiprocessing.get_context("fork")
    results = fork.Queue()
    child = fork.Process(target=_in_pool, args=(nursery.address, results), daemon=True)
    child.start()
    assert results.get(timeout=30) == "daemon"
    child.join()


@pytest.mark.usefixtures("sandbox")
def test_children_of_the_owner_cannot_stop_the_zygote(nursery: zygote.Zygote) -> None:
    child = os.fork()
    if child == 0:
        nursery.stop()
        os._exit(0 if nursery.alive() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize("message", [b"", b"x", b"{}", b"[" * 20000, b'{"function": 1}', bytes(70000)])
def test_garbage_ends_nothing(nursery: zygote.Zygote, sandbox: Sandbox, message: bytes) -> None:
    with socket.socket(socket.AF_UNIX, KIND) as stranger:
        stranger.connect(nursery.address)
        stranger.send(message)
    assert sandbox.run(hostile.echo, hostile.Ask(text="fine"), deadline=LIMIT).text == "fine"


def test_silent_clients_block_nobody(nursery: zygote.Zygote, sandbox: Sandbox) -> None:
    silent = [socket.socket(socket.AF_UNIX, KIND) for _ in range(20)]
    try:
        for client in silent:
            client.connect(nursery.address)
        assert sandbox.run(hostile.echo, hostile.Ask(text="fine"), deadline=LIMIT).text == "fine"
    finally:
        for client in silent:
            client.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_other_users_cannot_order(nursery: zygote.Zygote, left: Callable[[], list[int]]) -> None:
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
        with socket.socket(socket.AF_UNIX, KIND) as stranger:
            os._exit(stranger.connect_ex(nursery.address))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == errno.EACCES
    assert left() == []


def _open_to_all(path: Path) -> bool:
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in (path, *path.parents))


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user runs the whole suite as itself")
def test_an_ordinary_user_gets_boxes_too() -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\nfrom datetime import timedelta\nfrom tests.sandbox import hostile\n"
        "from watchfloor.kernel.sandbox import zygote\nfrom watchfloor.kernel.sandbox.client import Sandbox\n"
        "with zygote.start(paths=[sys.argv[1]]) as owned:\n"
        "    Sandbox(owned.address).run(hostile.echo, hostile.Ask(), deadline=timedelta(minutes=1), observe=print)\n"
    )
    if not _open_to_all(Path(sys.executable).resolve()) or not _open_to_all(Path(ROOT)):
        pytest.skip("other users cannot reach this interpreter or this checkout")
    done = subprocess.run(
        [sys.executable, "-c", code, ROOT], user=65534, group=65534, extra_groups=[], cwd="/", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "uid:65534" in done.stdout
    assert "nnp" in done.stdout


def test_cancelled_and_gave_up_are_told_apart(sandbox: Sandbox) -> None:
    with pytest.raises(Cancelled):
        sandbox.run(hostile.wait_for_ever, hostile.Ask(), deadline=LIMIT, should_stop=lambda: True)
    with pytest.raises(GiveUp):
        sandbox.run(hostile.wait_for_ever, hostile.Ask(), deadline=timedelta(seconds=0.2))
