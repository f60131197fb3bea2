"""Every command of the README and the tutorial does what the page says."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.readme import island
from tests.readme.pages import ROOT, blocks, commands, read
from tests.readme.session import Shell
from tests.servers import postgres_server, valkey_server
from tests.servers.server import folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.readme.pages import Command

pytestmark = pytest.mark.slow
CTRL_C = 130
README, PRODUCTION = read("README.md").split("\n## Production\n")


def typed(text: str) -> list[Command]:
    """Return the commands of a page, without ./check, which runs this very test."""
    return [command for command in commands(text) if not command.text.startswith("./check")]


PAGES = {"readme": typed(README), "production": typed(PRODUCTION), "tutorial": typed(read("docs/tutorial.md"))}
ALL = [(page, number) for page, listed in PAGES.items() for number in range(len(listed))]
STAYING = [(page, number) for page, number in ALL if PAGES[page][number].stays]


def named(where: tuple[str, int]) -> str:
    """Show the command in the test's name."""
    return f"{where[0]}: {PAGES[where[0]][where[1]].text}"


@pytest.fixture(scope="module")
def shell() -> Iterator[Callable[[str], Shell]]:
    """One shell a page, all at work at once: each has a network and a data directory of its own."""
    if reason := island.unreachable():
        pytest.skip(reason)
    if shutil.which("curl") is None:
        pytest.skip("the pages use curl, which is not installed")
    with ExitStack() as stack:
        database, broker = stack.enter_context(postgres_server()), stack.enter_context(valkey_server())
        instead = {"WATCHFLOOR_DATABASE_URL": database.url, "WATCHFLOOR_BROKER_URL": broker.url}
        shells = {
            page: stack.enter_context(Shell(listed, stack.enter_context(folder(page)), instead=instead)) for page, listed in PAGES.items()
        }
        yield shells.__getitem__


@pytest.mark.parametrize("where", ALL, ids=named)
def test_command(shell: Callable[[str], Shell], where: tuple[str, int]) -> None:
    page, number = where
    done = shell(page).result(number)
    assert done.code in PAGES[page][number].codes, f"exit code {done.code}\n{done.out[-3000:]}\n{done.err[-3000:]}"


@pytest.mark.parametrize("where", STAYING, ids=named)
def test_what_stays_ends_in_order_by_ctrl_c(shell: Callable[[str], Shell], where: tuple[str, int]) -> None:
    page, number = where
    done = shell(page).end(number)
    # Celery's own command says 1 after Ctrl-C, and 0 after SIGTERM.
    assert done.code in {0, CTRL_C, *([1] if "celery" in PAGES[page][number].text else [])}, f"exit code {done.code}\n{done.err[-3000:]}"


def test_a_scan_prints_one_document_and_nothing_else(shell: Callable[[str], Shell]) -> None:
    assert json.loads(shell("readme").said("top-100 --json"))["scan"]["state"] == "finished"


def test_a_scan_nobody_waits_for_prints_its_job(shell: Callable[[str], Shell]) -> None:
    assert len(shell("readme").said("--no-wait").split()) == 1


def test_the_administrators_key_is_shown_at_the_first_start(shell: Callable[[str], Shell]) -> None:
    assert "wf_" in shell("readme").said("./watchfloor up")
    assert shell("production").said("migrate").startswith("wf_")


def test_the_floor_is_ready(shell: Callable[[str], Shell]) -> None:
    assert json.loads(shell("readme").said("curl"))["ready"] is True


def test_celery_knows_the_kinds(shell: Callable[[str], Shell]) -> None:
    assert "scans.run" in shell("production").said("inspect registered")


def test_the_tutorial_ends_in_findings(shell: Callable[[str], Shell]) -> None:
    found = json.loads(shell("tutorial").said("--fail-on high --json"))
    titles = {finding["title"] for finding in found["findings"]}
    assert {"Web pages are served without encryption", "A directory lists its files"} <= titles


def test_the_tutorial_shows_what_changed(shell: Callable[[str], Shell]) -> None:
    assert "Web pages are served without encryption" in shell("tutorial").said("scans diff")
    assert "Web pages are served without encryption" in shell("tutorial").said("findings list --state fixed")


def test_the_api_takes_a_task(shell: Callable[[str], Shell]) -> None:
    assert json.loads(shell("tutorial").said("tasks/jobs.wait"))["id"]


def test_the_python_of_the_jobs_page_runs() -> None:
    if reason := island.unreachable():
        pytest.skip(reason)
    with folder("python") as scratch:
        script = scratch / "page.py"
        script.write_text("\n".join(blocks(read("docs/jobs.md"), "python")), encoding="utf-8")
        with Shell(commands(f"```sh\n./watchfloor up\n{sys.executable} {script}\n```"), scratch) as python:
            done = python.result(1)
    assert done.code == 0, done.err
    assert "'seconds': 0.5" in done.out


@pytest.mark.parametrize("name", ["watchfloor", "check"])
def test_the_two_commands_exist_and_explain_themselves(name: str) -> None:
    assert os.access(ROOT / name, os.X_OK)
    assert f"./{name}" in [command.text.partition(" ")[0] for command in commands(read("README.md"))]
    done = subprocess.run([ROOT / name, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "--help" in done.stdout
