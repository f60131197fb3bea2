"""What importing costs and does: nothing is opened, and the command line loads no big library before it must."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.architecture.source import ROOT, modules

# Migrations run inside Alembic; __main__ runs the command line.
IMPORTABLE = [module.name for module in modules() if not module.within("kernel/db/migrations") and not module.name.endswith("__main__")]
HEAVY = (
    "sqlalchemy",
    "psycopg",
    "alembic",
    "celery",
    "kombu",
    "redis",
    "fastapi",
    "starlette",
    "uvicorn",
    "pydantic",
    "cryptography",
    "apprise",
    "requests",
)

WATCH = """
import importlib, os, sys
package = os.path.join(sys.argv[1], "src", "watchfloor")
seen = []

def by_us():
    frame = sys._getframe(2)
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith(package):
            return f"{file}:{frame.f_lineno}"
        if "site-packages" in file or file.startswith("<frozen importlib._bootstrap_external"):
            return None
        frame = frame.f_back
    return None

def watch(event, arguments):
    if event in {"socket.connect", "socket.bind", "subprocess.Popen", "os.fork", "os.posix_spawn", "os.mkdir", "os.remove"}:
        seen.append(f"{event} {arguments}")
    elif event == "open" and (who := by_us()) and not str(arguments[0]).startswith((package, "/proc/", "/dev/null")):
        seen.append(f"open {arguments[0]} by {who}")

sys.addaudithook(watch)
for name in sys.argv[2:]:
    importlib.import_module(name)
sys.exit("\\n".join(seen) if seen else 0)
"""


def test_importing_any_module_opens_nothing() -> None:
    done = subprocess.run([sys.executable, "-P", "-c", WATCH, ROOT, *IMPORTABLE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("arguments", [["--version"], ["--help"]])
def test_the_command_line_starts_light(arguments: list[str]) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("COV_CORE")}
    command = [sys.executable, "-P", "-X", "importtime", "-m", "watchfloor", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert done.returncode == 0, done.stderr[-2000:]
    assert loaded & set(HEAVY) == set()


def test_the_catalogue_names_nothing_that_is_not_there() -> None:
    code = """
from watchfloor.catalog import CATALOG
from watchfloor.kernel.contract import Capability
for capability in CATALOG:
    assert isinstance(capability, Capability), capability
    assert capability.summary, f"{capability.name} has no summary"
    for face in (capability.jobs, capability.routes, capability.open_routes, capability.faces, capability.commands, capability.section, capability.settings, capability.models):
        if face:
            capability.load(face)
    for face in (*filter(None, [capability.section]), *capability.sections):
        assert type(capability.load(face)).__name__ == "ReportSection"
names = [kind.name for capability in CATALOG for kind in capability.kinds()]
assert len(names) == len(set(names)), names
assert all(kind.description for kind in CATALOG.kinds().values())
from watchfloor.kernel.jobs.enqueue import bind
from watchfloor.kernel.jobs.schedules import Rhythm
given = [schedule.name for schedule in CATALOG.schedules()]
assert len(given) == len(set(given)), given
for schedule in CATALOG.schedules():
    bind(CATALOG.kinds()[schedule.kind], dict(schedule.arguments))
    Rhythm(schedule.cron, schedule.every).check()
"""
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
