"""Names, help, exit codes and errors of the command line."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import watchfloor
from tests.cli.command import environment, wf

if TYPE_CHECKING:
    from pathlib import Path

HEAVY = {"sqlalchemy", "psycopg", "celery", "kombu", "fastapi", "starlette", "uvicorn", "alembic", "redis", "pydantic_settings"}
GROUPS = [
    "up",
    "api",
    "worker",
    "scheduler",
    "jobs",
    "tasks",
    "findings",
    "queues",
    "schedules",
    "scope",
    "orgs",
    "members",
    "keys",
    "doctor",
    "settings",
    "migrate",
    "openapi",
]


def loaded(*arguments: str) -> set[str]:
    """Return the top-level modules a command loads."""
    run = subprocess.run(
        [sys.executable, "-P", "-X", "importtime", "-m", "watchfloor", *arguments],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    return {line.rpartition("|")[2].strip().split(".")[0] for line in run.stderr.splitlines() if line.startswith("import time:")}


def test_version_loads_no_library() -> None:
    assert not loaded("--version") & (HEAVY | {"typer", "rich", "pydantic", "logging"})


def test_help_loads_no_library_of_database_broker_or_web() -> None:
    assert not loaded("--help") & HEAVY


@pytest.mark.parametrize("group", GROUPS)
def test_help_of_a_group_loads_no_library_of_database_broker_or_web(group: str) -> None:
    assert not loaded(group, "--help") & HEAVY


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_version_is_one_line(flag: str) -> None:
    assert wf(flag).stdout == f"watchfloor {watchfloor.__version__}\n"


def test_help_lists_every_group() -> None:
    text = wf("--help").stdout
    assert [group for group in GROUPS if f" {group} " not in text] == []


def test_a_misspelt_command_is_a_usage_error_with_a_hint() -> None:
    run = wf("jbos")
    assert (run.returncode, run.stdout) == (2, "")
    assert "Did you mean 'jobs'?" in run.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("jobs", "show", "no-id"), "is not a job id"),
        (("worker", "--queue", "scan"), "there is no queue 'scan'"),
        (("worker", "--autoscale", "3,10"), "most,fewest"),
        (("worker", "--pool", "gevent"), "prefork, solo, threads"),
        (("worker", "--loglevel", "loud"), "debug, info, warning, error"),
        (("api", "--port", "70000"), "65535"),
        (("jobs", "list", "--limit", "0"), "--limit"),
        (("tasks", "test", "--timeout", "soon"), "is not a duration"),
        (("schedules", "add", "nightly", "no.kind", "--cron", "0 3 * * *"), "there is no job kind 'no.kind'"),
        (("scope", "add"), "Missing argument"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(arguments: tuple[str, ...], said: str) -> None:
    run = wf(*arguments)
    assert run.returncode == 2
    assert said in run.stderr
    assert run.stdout == ""
    assert "Traceback" not in run.stderr


def test_a_misspelt_setting_stops_every_door() -> None:
    for arguments in (("jobs", "list"), ("worker",), ("scheduler",), ("api",), ("up",), ("migrate",)):
        run = wf(*arguments, WATCHFLOOR_WORKER_CONCURENCY="4")
        assert run.returncode == 2
        assert "WATCHFLOOR_WORKER_CONCURENCY is not a setting; did you mean WATCHFLOOR_WORKER_CONCURRENCY?" in run.stderr


def test_an_unreachable_database_is_named_without_its_password(tmp_path: Path) -> None:
    run = wf("jobs", "list", data_dir=tmp_path, WATCHFLOOR_DATABASE_URL="postgresql://me:hunter2hunter2@127.0.0.1:1/db")
    assert run.returncode == 2
    assert "PostgreSQL cannot be reached" in run.stderr
    assert "hunter2" not in run.stdout + run.stderr
    assert "Traceback" not in run.stderr


def test_doors_without_a_floor_say_how_to_get_one(tmp_path: Path) -> None:
    for name in ("worker", "scheduler", "api"):
        run = wf(name, data_dir=tmp_path)
        assert run.returncode == 2
        assert "start one with `watchfloor up`" in run.stderr


def test_settings_mask_secrets_and_tell_sources(tmp_path: Path) -> None:
    file = tmp_path / "settings.env"
    file.write_text("WATCHFLOOR_API_PORT=8123\n", encoding="utf-8")
    run = wf(
        "settings", "--json", data_dir=tmp_path, WATCHFLOOR_DATABASE_URL="postgresql://me:hunter2hunter2@db/x", WATCHFLOOR_KEK="ab" * 32
    )
    found = {one["name"]: one for one in json.loads(run.stdout)}
    assert "hunter2" not in run.stdout
    assert found["WATCHFLOOR_KEK"]["value"] == "***"
    assert found["WATCHFLOOR_DATABASE_URL"] | {"description": ""} == {
        "name": "WATCHFLOOR_DATABASE_URL", "value": "postgresql://me:***@db/x", "source": "environment", "type": "secret", "description": "",
    }  # fmt: skip
    assert found["WATCHFLOOR_API_PORT"]["source"] == str(file)
    assert found["WATCHFLOOR_LOG_LEVEL"]["source"] == "default"
    assert all(one["description"] for one in found.values())


def test_completion_offers_groups_without_loading_them() -> None:
    run = wf(_WATCHFLOOR_COMPLETE="complete_bash", COMP_WORDS="watchfloor sch", COMP_CWORD="1")
    assert run.stdout.split() == ["scheduler", "schedules"]


def test_help_has_no_colour_when_none_is_wanted() -> None:
    assert not re.search(
        r"\x1b\[[0-9;]*(3[0-7]|9[0-7]|38;[0-9;]+)m", wf("--help", NO_COLOR="1", FORCE_COLOR="1", TERM="xterm-256color").stdout
    )


def test_a_closed_pipe_is_no_error() -> None:
    script = f"{sys.executable} -P -m watchfloor settings --json | head -c 1"
    run = subprocess.run(["bash", "-c", f"set -o pipefail; {script}"], env=environment(), capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")


def test_a_pipe_that_closes_in_the_middle_of_a_file_is_no_finding() -> None:
    script = (
        "import os, sys, typer; from watchfloor.doors.cli import run; single = typer.Typer(); "
        "single.command()(lambda: os.fdopen(os.dup(1), 'wb').writelines([bytes(1 << 20)] * 9)); "
        "sys.exit(run._guarded(lambda: typer.main.get_command(single)([], standalone_mode=False), debug=False))"
    )
    pipe = f"set -o pipefail; {sys.executable} -P -c {shlex.quote(script)} | head -c 1"
    run = subprocess.run(["bash", "-c", pipe], env=environment(), capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")


def test_doctor_finds_a_misspelt_setting_and_fails(tmp_path: Path) -> None:
    run = wf("doctor", "--json", data_dir=tmp_path / "none", WATCHFLOOR_API_PRT="1")
    found = json.loads(run.stdout)
    assert run.returncode == 2
    assert [line["state"] for line in found["lines"] if line["what"] == "settings"] == ["fail"]
    assert not (tmp_path / "none").exists()


def test_openapi_prints_a_document_without_any_service(tmp_path: Path) -> None:
    document = json.loads(wf("openapi", data_dir=tmp_path).stdout)
    assert document["openapi"].startswith("3.1")
    assert list(tmp_path.iterdir()) == []
