"""Every command of the README and the tutorial does what the page says."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.readme import island
from tests.readme.pages import ROOT, blocks, commands, read
from tests.readme.session import Done, home, type_in
from tests.servers import postgres_server, valkey_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.readme.pages import Command

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(island.unreachable() is not None, reason=str(island.unreachable())),
    pytest.mark.skipif(shutil.which("curl") is None, reason="the pages use curl, which is not installed"),
]


def of(page: str, *, begins: str = "", until: str = "") -> list[Command]:
    """Return the commands of a page's part, without ./check, which runs this very test."""
    text = read(page)
    part = text[text.index(begins) : text.index(until) if until else None]
    return [command for command in commands(part) if not command.text.startswith("./check")]


def unexpected(done: list[Done]) -> list[str]:
    """Return what did not end as the page says."""
    return [f"$ {one.command.text}\nexit code {one.code}\n{one.out[-2000:]}{one.err[-2000:]}" for one in done if one.code not in one.command.codes]


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    with home() as made:
        yield made


def said(done: list[Done], words: str) -> Done:
    """Return what the first command with these words said."""
    return next(one for one in done if words in one.command.text)


def test_the_readme_scans_and_runs_a_floor(data_dir: Path) -> None:
    done = type_in(of("README.md", until="## Production"), data_dir)
    assert unexpected(done) == []
    assert json.loads(said(done, "top-100 --json").out)["scan"]["state"] == "finished"
    assert len(said(done, "--no-wait").out.split()) == 1
    assert "wf_" in said(done, "watchfloor up").out
    assert json.loads(said(done, "curl").out)["ready"] is True


def test_the_readme_goes_to_production(tmp_path: Path) -> None:
    with postgres_server() as postgres, valkey_server() as valkey:
        instead = {"WATCHFLOOR_DATABASE_URL": postgres.url, "WATCHFLOOR_BROKER_URL": valkey.url}
        done = type_in(of("README.md", begins="## Production"), tmp_path / "data", instead=instead)
    assert unexpected(done) == []
    assert said(done, "migrate").out.startswith("wf_")
    assert "scans.run" in said(done, "inspect registered").out


def test_the_tutorial_ends_in_a_finding(data_dir: Path) -> None:
    done = type_in(of("docs/tutorial.md"), data_dir)
    assert unexpected(done) == []
    found = json.loads(said(done, "--fail-on high --json").out)
    assert [finding["title"] for finding in found["findings"]] == ["Web pages are served without encryption"]
    assert json.loads(said(done, "tasks/jobs.wait").out)["id"]


def test_the_python_of_the_jobs_page_runs(data_dir: Path, tmp_path: Path) -> None:
    script = tmp_path / "page.py"
    script.write_text("\n".join(blocks(read("docs/jobs.md"), "python")), encoding="utf-8")
    page = [*commands("```sh\n./watchfloor up\n```"), *commands(f"```sh\n{sys.executable} {script}\n```")]
    done = type_in(page, data_dir)
    assert unexpected(done) == []
    assert "'seconds': 0.5" in done[1].out


@pytest.mark.parametrize("name", ["watchfloor", "check"])
def test_the_two_commands_exist_and_explain_themselves(name: str) -> None:
    assert os.access(ROOT / name, os.X_OK)
    assert f"./{name}" in [command.text.partition(" ")[0] for command in commands(read("README.md"))]
    done = subprocess.run([ROOT / name, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "--help" in done.stdout
