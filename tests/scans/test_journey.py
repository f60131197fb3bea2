"""A scan as people make it: the real command, its own services, worker and scheduler, two real listeners."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from tests.cli.command import environment, wf
from tests.scans import servers
from tests.servers.server import folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
PAGE = b"HTTP/1.0 200 OK\r\nServer: nginx/1.24.0\r\n\r\n<title><script>alert(1)</script></title>"


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """Return one data directory for the journey; its first start is made once."""
    with folder("scan") as made:
        yield made / "data"


def test_two_listeners_are_found_and_reported(home: Path) -> None:
    with (
        servers.listening(servers.banner(b"SSH-2.0-OpenSSH_9.2p1\r\n")) as ssh,
        servers.listening(servers.site(lambda _asked: PAGE)) as web,
    ):
        done = wf("scan", "127.0.0.1", "--ports", f"{ssh},{web}", "--json", "--fail-on", "low", data_dir=home)
    assert done.returncode == 1, done.stderr
    told = json.loads(done.stdout)
    assert {(one["port"], one["name"]) for one in told["services"]} == {(ssh, "ssh"), (web, "http")}
    assert [one["check"] for one in told["findings"]] == ["cleartext-http"]
    assert (told["scan"]["state"], told["not_looked_at"], told["hosts"][0]["address"]) == ("finished", [], "127.0.0.1")
    assert told["timings"].keys() == {"start_s", "scan_s", "report_s", "total_s"}
    report = home / "reports" / f"{told['scan']['id']}.html"
    assert (told["report"], report.stat().st_mode & 0o777) == (str(report), 0o600)
    page = report.read_text()
    assert str(ssh) in page
    assert "<script>alert" not in page
    assert page.count("<script>") == 1  # ours, which the page allows by its hash


def test_people_get_tables_a_sentence_and_the_report_where_they_want_it(home: Path) -> None:
    wanted = home.parent / "mine.html"
    with servers.listening(servers.site(lambda _asked: PAGE)) as web:
        done = wf("scans", "run", "127.0.0.1", "--ports", str(web), "--output", str(wanted), data_dir=home)
    assert done.returncode == 0, done.stderr
    assert "Open ports" in done.stdout
    assert "nginx 1.24.0" in done.stdout
    assert "1 open port, 1 finding, 1 of 1 address answered." in done.stdout
    assert done.stdout.endswith(f"Report: {wanted}\n")
    assert wanted.exists()


def test_without_waiting_only_the_jobs_id_is_printed_and_the_scan_can_be_cancelled(home: Path) -> None:
    done = wf("scan", "127.0.0.1", "--ports", "1", "--no-wait", data_dir=home)
    scan = UUID(done.stdout.strip())
    assert wf("scans", "cancel", str(scan), data_dir=home).returncode == 0
    shown = json.loads(wf("scans", "show", str(scan), "--json", data_dir=home).stdout)
    assert (shown["scan"]["state"], shown["services"]) == ("cancelled", [])
    assert str(scan) in wf("scans", "list", "--state", "cancelled", data_dir=home).stdout


def test_a_target_outside_the_scope_is_an_error_with_the_remedy(home: Path) -> None:
    # Loopback, taken out of the scope: no other address is sure to be foreign to the machine a test runs on, or safe to contact if it fails.
    assert wf("scope", "remove", "127.0.0.0/8", data_dir=home).returncode == 0
    done = wf("scan", "127.0.0.1", "--ports", "1", "--json", data_dir=home)
    assert wf("scope", "add", "127.0.0.0/8", data_dir=home).returncode == 0
    assert (done.returncode, done.stdout) == (2, "")
    assert "127.0.0.1" in done.stderr
    assert "watchfloor scope add 127.0.0.1" in done.stderr


def test_ctrl_c_cancels_the_scan_and_says_so(home: Path) -> None:
    command = [sys.executable, "-P", "-m", "watchfloor", "scan", "127.0.0.1", "--ports", "all"]
    with (
        servers.dropping() as port,
        subprocess.Popen(
            [*command[:-1], f"{port}"], env=environment(home), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        ) as child,
    ):
        assert child.stderr is not None
        told = []
        for line in child.stderr:
            told.append(line)
            if line.startswith("planning"):
                os.kill(child.pid, signal.SIGINT)
        assert child.wait() == 130
    assert any("was cancelled" in line for line in told), told


def test_what_changed_between_two_scans_and_why_a_finding_is_closed(home: Path) -> None:
    with servers.listening(servers.site(lambda _asked: PAGE)) as web:
        first = json.loads(wf("scan", "127.0.0.1", "--ports", str(web), "--json", data_dir=home).stdout)
        same = json.loads(wf("scan", "127.0.0.1", "--ports", str(web), "--json", data_dir=home).stdout)
        quiet = wf("scans", "diff", same["scan"]["id"], data_dir=home)
        assert (quiet.returncode, "nothing changed" in quiet.stdout) == (0, True), quiet.stderr
        finding = first["findings"][0]["id"]
        accepted = wf("findings", "accept", finding, "--reason", "a lab", "--expires", "30d", data_dir=home)
        assert (accepted.returncode, accepted.stdout.startswith("Accepted until ")) == (0, True), accepted.stderr
    third = json.loads(wf("scan", "127.0.0.1", "--ports", str(web), "--json", data_dir=home).stdout)
    loud = wf("scans", "diff", third["scan"]["id"], "--json", data_dir=home)
    assert (loud.returncode, json.loads(loud.stdout)["counts"]["findings_fixed"]) == (1, 1), loud.stderr
    shown = json.loads(wf("findings", "show", finding, "--json", data_dir=home).stdout)
    assert [one["to"] for one in shown["history"]] == ["fixed", "accepted", "open"]
    assert "Compared with the scan of" in (home / "reports" / f"{third['scan']['id']}.html").read_text()
