"""The embedded floor: starts from nothing, lets only us in, survives crashes, leaves nothing behind, and says what is wrong."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import kombu
import psycopg
import pytest
import redis

from tests.servers.server import folder
from watchfloor.kernel.embedded import floor, process
from watchfloor.kernel.embedded.directory import Directory
from watchfloor.kernel.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from watchfloor.kernel.embedded.floor import Floor, Services

AS_ROOT = os.geteuid() == 0
SUPERVISOR = """
import signal, sys
from pathlib import Path
from watchfloor.kernel.embedded import floor
running = floor.start(Path(sys.argv[1]))
print("ready", flush=True)
signal.pause()
"""


@pytest.fixture
def home() -> Iterator[Path]:
    with folder("floor") as made:
        yield made


@pytest.fixture(scope="module")
def shared() -> Iterator[Floor]:
    with folder("floor") as made, floor.start(made) as running:
        yield running


def supervise(home: Path) -> subprocess.Popen[str]:
    """Run a floor in a process of its own and return when it is ready."""
    child = subprocess.Popen([sys.executable, "-c", SUPERVISOR, home], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    return child


def eventually(fact: object, patience_seconds: float = 20) -> bool:
    """Wait for a callable to become true."""
    assert callable(fact)
    deadline = time.monotonic() + patience_seconds
    while not fact():
        if time.monotonic() > deadline:
            return False
        time.sleep(process.POLL_SECONDS)
    return True


def answers(services: Services) -> None:
    with psycopg.connect(services.login_url) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("wf_login",)
    with kombu.Connection(services.broker_url) as connection:
        assert connection.default_channel.client.ping()


def test_both_services_answer(shared: Floor) -> None:
    answers(shared.services)


def test_the_login_owns_nothing(shared: Floor) -> None:
    with psycopg.connect(shared.services.login_url) as connection:
        row = connection.execute(
            "SELECT rolsuper, rolinherit, rolcreaterole, rolbypassrls FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
    assert row == (False, False, False, False)


@pytest.mark.parametrize("address", ["owner_url", "login_url"])
def test_postgresql_refuses_a_wrong_password(shared: Floor, address: str) -> None:
    user = "wf_owner" if address == "owner_url" else "wf_login"
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(getattr(shared.services, address).replace(f"{user}:", f"{user}:not"))


def test_valkey_refuses_a_wrong_password(shared: Floor) -> None:
    with redis.Redis.from_url(shared.valkey.client_url().replace("//:", "//:not")) as client, pytest.raises(redis.AuthenticationError):
        client.ping()


def test_postgresql_does_not_listen_on_tcp(shared: Floor) -> None:
    with psycopg.connect(shared.services.owner_url) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)


def test_nothing_in_the_data_directory_is_open_to_others(shared: Floor) -> None:
    allowed = {shared.data_dir: 0o010 if AS_ROOT else 0}
    open_to_others = [path for path in shared.data_dir.iterdir() if path.name != "floor.lock" and stat.S_IMODE(path.stat().st_mode) & 0o077]
    assert open_to_others == []
    assert stat.S_IMODE(shared.data_dir.stat().st_mode) & 0o077 == allowed[shared.data_dir]


def test_no_password_is_in_an_argument(shared: Floor) -> None:
    secrets = list(json.loads((shared.data_dir / "passwords.json").read_text()).values())
    for child in shared.children.values():
        arguments = subprocess.run(["ps", "-o", "args=", "-p", str(child.pid)], capture_output=True, text=True, check=True).stdout
        assert [secret for secret in secrets if secret in arguments] == []


@pytest.mark.skipif(not AS_ROOT, reason="only root has an account to give up")
def test_root_is_given_up(shared: Floor) -> None:
    assert [child.pid for child in shared.children.values() if os.stat(f"/proc/{child.pid}").st_uid == 0] == []  # noqa: PTH116 - /proc


def test_a_second_start_is_refused_with_the_holder(shared: Floor) -> None:
    with pytest.raises(floor.Taken, match=f"already runs on {shared.data_dir} .process {os.getpid()}"):
        floor.start(shared.data_dir)


def test_another_process_finds_the_running_floor_and_may_not_start_it(shared: Floor) -> None:
    code = """
import sys
from pathlib import Path
from watchfloor.kernel.embedded import floor
print(floor.running(Path(sys.argv[1])) is not None)
floor.start(Path(sys.argv[1]))
"""
    done = subprocess.run([sys.executable, "-c", code, shared.data_dir], capture_output=True, text=True, check=False)
    assert done.stdout == "True\n"
    assert "Taken: Watchfloor already runs" in done.stderr


@pytest.mark.parametrize("name", ["postgres", "valkey"])
def test_a_crashed_service_is_noticed_and_revived(shared: Floor, name: str) -> None:
    shared.children[name].kill()
    assert eventually(lambda: shared.dead() == [name])
    shared.revive(name)
    answers(shared.services)
    assert shared.dead() == []


def test_data_survives_a_restart(home: Path) -> None:
    with floor.start(home) as first, psycopg.connect(first.services.owner_url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    assert floor.running(home) is None
    with floor.start(home) as second, psycopg.connect(second.services.owner_url) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (7,)


def test_lost_passwords_are_made_anew(home: Path) -> None:
    with floor.start(home):
        pass
    (home / "passwords.json").unlink()
    with floor.start(home) as again:
        answers(again.services)


def test_a_killed_supervisor_leaves_nothing_behind(home: Path) -> None:
    child = supervise(home)
    marks = [process.Mark(**entry) for entry in json.loads((home / "floor.json").read_text())["children"].values()]
    assert len(marks) == 2
    child.send_signal(signal.SIGKILL)
    child.communicate()
    assert eventually(lambda: not any(process.alive(mark) for mark in marks))
    assert floor.running(home) is None
    with floor.start(home) as again:
        answers(again.services)


def test_what_an_earlier_supervisor_left_is_swept() -> None:
    left = subprocess.Popen(["sleep", "600"])
    found = process.mark(left.pid)
    assert found is not None
    process.sweep([found])
    assert left.wait() == -signal.SIGINT


def test_a_recycled_pid_is_left_alone() -> None:
    stranger = subprocess.Popen(["sleep", "600"])
    process.sweep([process.Mark(stranger.pid, "another boot:1")])
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_a_second_command_waits_for_a_floor_that_is_starting(home: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", SUPERVISOR, home], stdout=subprocess.PIPE, text=True)
    assert eventually((home / "floor.json").exists)
    services = floor.join(home, timedelta(seconds=60))
    assert services is not None
    answers(services)
    child.send_signal(signal.SIGKILL)
    child.communicate()


def test_nobody_is_waited_for_where_nobody_starts(home: Path) -> None:
    assert floor.join(home, timedelta(seconds=60)) is None


@pytest.mark.parametrize("name", ["long-" + "x" * 150, "a b,c'd\"e%20ü"])
def test_long_and_odd_paths_work(home: Path, name: str) -> None:
    with floor.start(home / name) as running:
        sockets = running.postgres.sockets
        answers(running.services)
        assert not sockets.is_relative_to(home)
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    shutil.rmtree(sockets)


@pytest.mark.skipif(not AS_ROOT, reason="only root mounts a small disk")
def test_a_full_disk_is_refused_with_the_remedy(home: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m,mode=0711", "none", home], check=True)
    try:
        with pytest.raises(SetupError, match=r"has \d+ MiB left and 128 MiB are needed: free some, or set WATCHFLOOR_DATA_DIR"):
            floor.start(home)
    finally:
        subprocess.run(["umount", home], check=True)


@pytest.mark.skipif(AS_ROOT, reason="root may write everywhere")
def test_a_closed_directory_is_refused_with_the_remedy(home: Path) -> None:
    home.chmod(0o500)
    with pytest.raises(SetupError, match=r"cannot be used \(Permission denied\): make it writable"):
        floor.start(home / "data")


def test_a_file_in_place_of_the_directory_is_refused(home: Path) -> None:
    (home / "data").write_text("")
    with pytest.raises(SetupError, match="cannot be used"):
        floor.start(home / "data")


@pytest.mark.skipif(not AS_ROOT, reason="an ordinary user's services run as that user")
def test_root_may_not_use_a_private_home(home: Path) -> None:
    private = home / "private"
    private.mkdir(mode=0o700)
    with pytest.raises(SetupError, match=rf"may not enter {private}: set WATCHFLOOR_DATA_DIR to a place outside private"):
        floor.start(private / "data")


def test_data_of_a_missing_version_is_refused_with_the_remedy(home: Path) -> None:
    with floor.start(home):
        pass
    version = home / "postgres" / "PG_VERSION"
    version.write_text("99\n")
    with pytest.raises(SetupError, match=r"made by PostgreSQL 99, which this machine no longer has \(found: .*\): install PostgreSQL 99"):
        floor.start(home)


def test_damaged_passwords_are_named(home: Path) -> None:
    with floor.start(home):
        pass
    (home / "passwords.json").write_text("{")
    with pytest.raises(SetupError, match=r"passwords\.json is damaged"):
        floor.start(home)


def test_a_stale_pid_file_of_another_program_is_forgotten(home: Path) -> None:
    with floor.start(home) as running:
        cluster = running.postgres.cluster
        lines = (cluster / "postmaster.pid").read_text().splitlines()
    (cluster / "postmaster.pid").write_text("\n".join([str(os.getpid()), *lines[1:]]))
    with floor.start(home) as again:
        answers(again.services)


def test_a_directory_of_somebody_else_is_refused(home: Path) -> None:
    if AS_ROOT:
        os.chown(home, 65534, 65534)
        target = home
    else:
        target = type(home)("/usr")
    with pytest.raises(SetupError, match=r"belongs to .*: run Watchfloor as that user"):
        Directory(target)


def test_a_foreign_socket_directory_is_refused(home: Path) -> None:
    directory = Directory(home / ("long-" + "x" * 150))
    made = directory.sockets()
    made.chmod(0o777)
    with pytest.raises(SetupError, match="is not a private directory of ours"):
        directory.sockets()
    made.rmdir()


def test_the_socket_path_fits_what_the_system_takes(home: Path) -> None:
    longest = Directory(home / ("x" * (200 - len(str(home))))).sockets() / ".s.PGSQL.5432"
    with socket.socket(socket.AF_UNIX) as line:
        line.bind(str(longest))
    shutil.rmtree(longest.parent)
