"""Facts about the list of checks as people and programs read it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.cli.command import wf
from watchfloor.capabilities.scans.engine.judge import CHECKS
from watchfloor.capabilities.scans.jobs.run import settled
from watchfloor.capabilities.scans.schemas import ScanRequest
from watchfloor.kernel.errors import InvalidInput

if TYPE_CHECKING:
    from tests.api.floor import Client


def test_every_check_is_listed_with_what_it_sends() -> None:
    told = json.loads(wf("scans", "checks", "--json").stdout)
    assert {one["id"] for one in told} == {check.id for check in CHECKS}
    assert all(one["sends"] and one["references"] for one in told)


def test_one_check_is_shown_in_full() -> None:
    assert "GET of /.git/HEAD" in wf("scans", "checks", "http-git-exposed").stdout
    assert wf("scans", "checks", "no-such-check").returncode == 2


def test_rest_lists_the_same(owner: Client) -> None:
    assert {one["id"] for one in owner.get("/scans/checks")} == {check.id for check in CHECKS}


def test_an_unknown_check_is_refused() -> None:
    with pytest.raises(InvalidInput, match="open-proxy"):
        settled(ScanRequest(targets=["127.0.0.1"], checks=["open-prox"]))
    assert settled(ScanRequest(targets=["127.0.0.1"], checks=["open-proxy"])).checks == ["open-proxy"]
