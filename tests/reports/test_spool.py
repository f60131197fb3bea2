"""Facts about snapshots as files."""

from __future__ import annotations

import io

import pytest

from tests.reports import model
from watchfloor.capabilities.reports.engine.spool import Spool
from watchfloor.kernel.errors import SourceChanged


def test_what_was_written_is_read_back() -> None:
    spool = model.spool(40)
    assert list(spool.rows("findings")) == model.findings(40)
    assert [row["address"] for row in spool.rows("scans.services", 3, 2)] == ["192.0.2.4", "192.0.2.5"]
    assert spool.counts == {"findings": 40, "scans.services": 30}
    assert list(spool.rows("nothing")) == []


def test_two_readers_do_not_disturb_each_other() -> None:
    spool = model.spool(10)
    pairs = list(zip(spool.rows("findings"), spool.rows("scans.services"), strict=False))
    assert [one["fingerprint"] for one, _ in pairs] == [one["fingerprint"] for one in model.findings(10)]


def test_the_same_rows_give_the_same_bytes() -> None:
    assert model.snapshot(25).getvalue() == model.snapshot(25).getvalue()


@pytest.mark.parametrize("cut", [1, 40, 200, 5_000])
def test_a_cut_snapshot_is_refused(cut: int) -> None:
    with pytest.raises(SourceChanged):
        Spool(io.BytesIO(model.snapshot(40).getvalue()[:-cut]))


def test_a_changed_row_is_noticed() -> None:
    with pytest.raises(SourceChanged):
        Spool(io.BytesIO(model.snapshot(40).getvalue().replace(b"nginx", b"ngimx", 1)))


def test_an_empty_snapshot_is_whole() -> None:
    spool = model.spool(0, services=0)
    assert (spool.counts, list(spool.rows("findings"))) == ({}, [])
