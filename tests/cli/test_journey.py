"""The floor as people meet it: `up` with everything, and commands that bring their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.cli.command import environment, start, wf
from tests.conftest import as_login
from tests.servers import postgres_server, valkey_server
from tests.servers.server import folder, free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
PATIENCE_S = 90.0


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """Return one data directory for the journey; its first start is made once."""
    with folder("cli") as made:
        yield made


def until(true: Callable[[], object], what: str) -> None:
    """Wait for a fact; fail with its name when it does not come."""
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def descendants(pid: int) -> list[psutil.Process]:
    """Return everything a process started."""
    return list(psutil.Process(pid).children(recursive=True))


def answers(url: str, key: str = "") -> int:
    """Return the status of a GET, 0 when nobody listens."""
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"} if key else {})  # noqa: S310 - loopback
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 - loopback
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except OSError:
        return 0


def test_a_command_brings_its_own_floor_and_takes_it_away(home: Path) -> None:
    run = wf("tasks", "test", "--json", data_dir=home)
    found = json.loads(run.stdout)
    assert (run.returncode, found["state"]) == (0, "SUCCESS"), run.stderr
    assert all(found[hop] is not None for hop in ("database_s", "enqueue_s", "dispatch_s", "worker_s", "run_s"))
    assert not (home / "floor.json").exists()
    assert [file.name for file in (home / "keys").iterdir() if file.stat().st_mode & 0o077] == []


def test_the_job_of_the_command_before_is_still_known(home: Path) -> None:
    wf("tasks", "test", data_dir=home)
    listed = json.loads(wf("jobs", "list", "--kind", "jobs.test", "--json", data_dir=home).stdout)["items"]
    assert listed[0]["state"] == "SUCCESS"
    shown = json.loads(wf("jobs", "show", listed[0]["id"], "--json", data_dir=home).stdout)
    assert shown["attempts"][0]["outcome"] == "succeeded"
    assert wf("jobs", "watch", listed[0]["id"], data_dir=home).returncode == 0
    assert json.loads(wf("tasks", "status", listed[0]["id"], "--json", data_dir=home).stdout)["status"] == "SUCCESS"


def test_two_commands_at_once_share_one_floor(home: Path) -> None:
    argv = [sys.executable, "-P", "-m", "watchfloor", "tasks", "test", "--json"]
    pair = [subprocess.Popen(argv, env=environment(home), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    ended = [(one.communicate(timeout=PATIENCE_S), one.returncode) for one in pair]
    assert [json.loads(out)["state"] for (out, _), _ in ended] == ["SUCCESS", "SUCCESS"], ended
    assert [code for _, code in ended] == [0, 0]


def test_scope_keys_queues_and_schedules_are_managed(home: Path) -> None:
    assert wf("scope", "add", "192.0.2.0/28", "--reason", "ours", data_dir=home).returncode == 0
    assert wf("scope", "add", "192.0.2.0/28", data_dir=home).returncode == 2
    assert "192.0.2.0/28" in {entry["target"] for entry in json.loads(wf("scope", "list", "--json", data_dir=home).stdout)}
    assert wf("scope", "remove", "192.0.2.0/28", data_dir=home).returncode == 0
    key = json.loads(wf("keys", "add", "ci", "--json", data_dir=home).stdout)["key"]
    assert key.startswith("wf_")
    assert key not in wf("keys", "list", data_dir=home).stdout
    assert wf("queues", "pause", "scans", data_dir=home).returncode == 0
    assert {queue["name"]: queue["paused"] for queue in json.loads(wf("queues", "list", "--json", data_dir=home).stdout)}["scans"]
    assert wf("queues", "resume", "scans", data_dir=home).returncode == 0
    made = json.loads(wf("schedules", "add", "hourly", "jobs.test", "--cron", "0 * * * *", "--json", data_dir=home).stdout)
    assert len(made["upcoming"]) == 5
    assert wf("schedules", "pause", "hourly", data_dir=home).returncode == 0
    plans = {plan["name"]: plan["enabled"] for plan in json.loads(wf("schedules", "list", "--json", data_dir=home).stdout)}
    assert [name for name, enabled in plans.items() if not enabled] == ["hourly"]
    assert wf("schedules", "run", "hourly", data_dir=home).returncode == 0
    assert wf("schedules", "remove", "hourly", data_dir=home).returncode == 0
    assert wf("jobs", "purge", "--yes", "--json", data_dir=home).returncode == 0


def test_doctor_finds_a_made_floor_well(home: Path) -> None:
    lines = {line["what"]: line for line in json.loads(wf("doctor", "--json", data_dir=home).stdout)["lines"]}
    well = (
        "key-encryption key",
        "database",
        "schema",
        "login",
        "roles",
        "row-level security",
        "broker",
        "broker persistence",
        "durability",
    )
    assert [lines[what] for what in well if lines[what]["state"] != "ok"] == []


def test_a_lost_key_is_never_replaced(home: Path) -> None:
    kek = home / "keys" / "kek"
    kept = kek.rename(kek.with_name("away"))
    try:
        run = wf("jobs", "list", data_dir=home)
        assert (run.returncode, kek.exists()) == (2, False)
        assert "backup" in run.stderr
    finally:
        kept.rename(kek)


def test_up_serves_restarts_what_dies_and_stops_in_order() -> None:
    with folder("up") as home, folder("log") as logs:
        port = free_port()
        address, log = f"http://127.0.0.1:{port}", logs / "up.log"
        up = start("up", "--port", str(port), "--concurrency", "1", data_dir=home, log=log)
        try:
            until(lambda: answers(f"{address}/ready") == 200 or up.poll() is not None, "ready")
            assert up.poll() is None, log.read_text(encoding="utf-8")
            key = next(line for line in log.read_text(encoding="utf-8").splitlines() if line.startswith("wf_"))
            assert answers(f"{address}/api/v1/queues") == 401
            assert answers(f"{address}/api/v1/queues", key) == 200

            again = wf("up", "--port", str(free_port()), data_dir=home)
            assert again.returncode == 2
            assert "already runs" in again.stderr

            leaders = {
                child.cmdline()[child.cmdline().index("watchfloor") + 1]: child
                for child in psutil.Process(up.pid).children()
                if "watchfloor" in child.cmdline()
            }
            assert sorted(leaders) == ["api", "scheduler", "worker"]
            assert not any(secret in " ".join(child.cmdline()) for child in descendants(up.pid) for secret in _secrets(home))
            leaders["worker"].kill()
            until(lambda: len(psutil.Process(up.pid).children()) == 5 and not leaders["worker"].is_running(), "a new worker")
            assert json.loads(wf("tasks", "test", "--json", data_dir=home).stdout)["state"] == "SUCCESS"

            left = descendants(up.pid)
            os.kill(up.pid, signal.SIGINT)
            assert up.wait(PATIENCE_S) == 0
            until(lambda: not any(_lives(child) for child in left), "nobody left")
            assert not (home / "floor.json").exists()
        finally:
            up.kill()
            up.wait()
        assert log.read_text(encoding="utf-8").count(key) == 1


def test_the_key_is_shown_on_the_first_start_alone_and_kill_9_leaves_nothing(home: Path) -> None:
    with folder("log") as logs:
        log = logs / "up.log"
        up = start("up", "--no-api", data_dir=home, log=log)
        try:
            until(
                lambda: (home / "floor.json").exists() and json.loads(wf("tasks", "workers", "--json", data_dir=home).stdout or "[]"),
                "a worker",
            )
            assert "wf_" not in "".join(line for line in log.read_text(encoding="utf-8").splitlines() if line.startswith("wf_"))
            left = descendants(up.pid)
            assert len(left) >= 4
        finally:
            up.kill()
            up.wait()
        until(lambda: not any(_lives(child) for child in left), "nobody left")


def _lives(child: psutil.Process) -> bool:
    try:
        return bool(child.is_running() and child.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _secrets(home: Path) -> list[str]:
    return [
        *json.loads((home / "passwords.json").read_text(encoding="utf-8")).values(),
        (home / "keys" / "kek").read_text(encoding="ascii").strip(),
    ]


def test_doors_run_one_by_one_on_the_operators_services() -> None:
    with folder("own") as home, folder("log") as logs, postgres_server() as postgres, valkey_server(tcp=True) as broker:
        own = {
            "WATCHFLOOR_DATABASE_URL": as_login(postgres.url), "WATCHFLOOR_DATABASE_OWNER_URL": postgres.url, "WATCHFLOOR_BROKER_URL": broker.url,
        }  # fmt: skip
        early = wf("jobs", "list", data_dir=home, **own)
        assert early.returncode == 2
        assert "watchfloor migrate" in early.stderr

        made = wf("migrate", data_dir=home, **own)
        assert made.returncode == 0, made.stderr
        assert made.stdout.startswith("wf_")
        assert "MADE A NEW KEY" in made.stderr
        again = wf("migrate", data_dir=home, **own)
        assert (again.returncode, again.stdout) == (0, "")

        alone = wf("tasks", "test", "--timeout", "1", "--json", data_dir=home, **own)
        assert (alone.returncode, json.loads(alone.stdout)["stage"]) == (2, "queued")
        assert "No worker is connected" in alone.stderr

        doors = [
            start(*words, data_dir=home, log=logs / words[0], **own)
            for words in (("scheduler",), ("worker", "--queue", "default", "--concurrency", "1", "--pool", "threads"))
        ]
        try:
            until(lambda: json.loads(wf("tasks", "workers", "--json", data_dir=home, **own).stdout), "a worker")
            run = wf("tasks", "test", "--json", data_dir=home, **own)
            assert json.loads(run.stdout)["state"] == "SUCCESS", (logs / "worker").read_text(encoding="utf-8")
            assert not (home / "postgres").exists()
            for door in doors:
                door.terminate()
            assert [door.wait(PATIENCE_S) for door in doors] == [0, 0]
        finally:
            for door in doors:
                door.kill()
                door.wait()
