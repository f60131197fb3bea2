"""`wf scan`, `wf scope` and `wf assets` together: what may be looked at, what would be, and what is."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.cli.command import wf
from tests.scans import servers
from tests.servers.server import folder
from watchfloor.capabilities.scans.cli import request
from watchfloor.kernel.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """Return one data directory for all commands; its first start is made once."""
    with folder("cli") as made:
        yield made


def test_targets_come_from_files_without_comments_and_empty_lines(tmp_path: Path) -> None:
    file = tmp_path / "targets"
    file.write_bytes(b"\xef\xbb\xbf# ours\r\n10.0.0.1\r\n\r\n  10.0.0.0/24  # the office\n#\ntag:web\nb\xc3\xbccher.example")
    asked = request.build(["10.0.0.9"], [str(file)], timeout=None, ports=None, exclude=["10.0.0.2"], max_rate=7)
    assert asked == {
        "targets": ["10.0.0.9", "10.0.0.1", "10.0.0.0/24", "tag:web", "bücher.example"],
        "exclude": ["10.0.0.2"],
        "max_rate": 7,
    }


@pytest.mark.parametrize(("content", "said"), [(b"\xff\xfe", "UTF-8"), (b"1.1.1.1\n" * 600_000, "4 MB"), (b"# nothing\n", "no TARGET")])
def test_a_file_that_is_none_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "targets"
    file.write_bytes(content)
    with pytest.raises(InvalidInput, match=said):
        request.build([], [str(file)], timeout=None)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="No such file"):
        request.build([], [str(tmp_path / "none")], timeout=None)
    with pytest.raises(InvalidInput, match="targets"):
        request.checked({"targets": ["10.0.0.1"] * 10_001})


@pytest.mark.slow
def test_scope_estimate_scan_and_tags_on_the_command_line(home: Path) -> None:
    added = wf(
        "scope",
        "add",
        "10.9.0.0/16",
        "--ports",
        "80,443",
        "--approved-by",
        "Berta",
        "--proof",
        "contract 7",
        "--expires",
        "30d",
        data_dir=home,
    )
    assert added.returncode == 0, added.stderr
    assert re.fullmatch(r"10\.9\.0\.0/16 may be looked at on ports 80,443 until \d{4}-\d\d-\d\d\.\n", added.stdout)
    assert wf("scope", "add", "10.9.0.0/24", "--exclude", data_dir=home).stdout == "10.9.0.0/24 is excluded.\n"
    assert wf("scope", "add", "10.8.0.0/16", "--expires", "400d", data_dir=home).returncode == 2
    listed = {(one["target"], one["exclude"]): one for one in json.loads(wf("scope", "list", "--json", data_dir=home).stdout)}
    assert listed["10.9.0.0/16", False]["approved_by"] == "Berta"
    assert listed["10.9.0.0/24", True]["expires_at"] is None
    assert listed["127.0.0.0/8", False]["expires_at"] is None

    told = wf("scan", "10.9.0.0/16", "--exclude", "10.9.1.0-10.9.1.255", "--ports", "80,443", "--dry-run", "--json", data_dir=home)
    found = json.loads(told.stdout)
    assert (told.returncode, found["addresses"], found["probes"], found["needs_confirmation"]) == (0, 65_024, 130_048, True), told.stderr
    wide = wf("scan", "10.9.0.0/16", "--ports", "80,443", data_dir=home)
    assert (wide.returncode, wide.stdout) == (2, "")
    assert re.search(r"130,560 probes, about .*--yes", wide.stderr)
    other = wf("scan", "10.9.1.1", "--ports", "22", "--dry-run", data_dir=home)
    assert other.returncode == 2
    assert "--ports 80,443" in other.stderr

    with servers.listening(servers.banner(b"SSH-2.0-OpenSSH_9.2p1\r\n")) as port:
        lines = "127.0.0.1\n127.0.0.2-3 # more\n127.0.0.4\n"
        done = wf(
            "scan",
            "--targets",
            "-",
            "-x",
            "127.0.0.3",
            "-p",
            str(port),
            "--profile",
            "polite",
            "--rate",
            "500",
            "--json",
            data_dir=home,
            stdin=lines,
        )
        seen = json.loads(done.stdout)
        assert (seen["scan"]["hosts"], [one["port"] for one in seen["services"]]) == (3, [port]), done.stderr
        assert wf("assets", "tag", "127.0.0.1", "web", "dmz", data_dir=home).stdout == "127.0.0.1 has the tags: dmz, web\n"
        assert wf("assets", "tag", "127.0.0.1", "dmz", "--remove", data_dir=home).stdout == "127.0.0.1 has the tags: web\n"
        again = json.loads(wf("scan", "tag:web", "-p", str(port), "--json", data_dir=home).stdout)
    assert (again["scan"]["hosts"], [one["port"] for one in again["services"]]) == (1, [port])
    assert wf("scans", "list", "--limit", "1", "--quiet", data_dir=home).stdout == f"{again['scan']['id']}\n"
    assert wf("scan", "tag:nobody", "--dry-run", data_dir=home).returncode == 2

    assert "internet" in wf("assets", "exposure", "127.0.0.1", "internet", data_dir=home).stdout
    (asset,) = json.loads(wf("assets", "list", "--tag", "web", "--exposure", "internet", "--json", data_dir=home).stdout)["items"]
    assert (asset["key"], asset["exposure"], asset["tags"]) == ("127.0.0.1", "internet", ["web"])
    shown = wf("assets", "show", asset["id"], data_dir=home)
    assert "exposure: internet" in shown.stdout
    assert wf("assets", "show", "192.0.2.99", data_dir=home).returncode == 2
    assert wf("scope", "remove", "10.9.0.0/24", "--exclude", data_dir=home).stdout == "10.9.0.0/24 is no longer excluded.\n"
    assert wf("scope", "remove", "10.9.0.0/16", data_dir=home).stdout == "10.9.0.0/16 may no longer be looked at.\n"
    assert wf("scan", "10.9.1.1", "--ports", "80", "--dry-run", data_dir=home).returncode == 2
