"""Bundles: what one installation knows, signed, equals what the other one knows afterwards; and what was changed is refused as a whole."""

from __future__ import annotations

import base64
import io
import json
import shutil
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import zstandard

from tests.advisories.factories import nvd_record
from tests.architecture.source import ROOT
from watchfloor.capabilities.advisories.jobs import export_bundle, import_bundle, import_files
from watchfloor.capabilities.advisories.jobs.bundle import ExportBundle
from watchfloor.capabilities.advisories.jobs.importing import ImportFiles
from watchfloor.capabilities.advisories.jobs.unbundling import ImportBundle
from watchfloor.kernel import security
from watchfloor.kernel.artifacts.store import read
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.jobs import queries
from watchfloor.kernel.jobs.enqueue import submit
from watchfloor.kernel.jobs.ledger import use_ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from tests.api.worker import Worker
    from watchfloor.kernel.jobs.ledger import Ledger

RECORDED = Path(ROOT) / "tests" / "recorded" / "advisories"
TABLES = {
    "adv_raw": "select src, k, h, source_modified from adv_raw where gone_at is null order by 1, 2",
    "adv_fact": "select * from adv_fact order by k, src",
    "adv_metric": "select * from adv_metric order by k, src, version, provider, vector",
    "adv_kev": "select k, catalog, added, due, ransomware, action, name, extra from adv_kev where removed_at is null order by k, catalog",
    "adv_ssvc": "select * from adv_ssvc order by k, src",
    "adv_epss": "select k, p from adv_epss where gone_at is null order by k",
    "adv_alias": "select * from adv_alias order by alias, k",
    "adv_criterion": (
        "select c.k, c.src, c.cfg, c.node, c.pos, c.logic, c.vulnerable, p.part::text, p.vendor, p.product, c.kind::text, c.rng::text, c.upd, c.attrs, c.text, c.fix "
        "from adv_criterion c join adv_product p on p.id = c.product_id order by c.k, c.src, c.cfg, c.node, c.pos, c.text"
    ),
    "adv_cve": (
        "select k, cve_id, merged_into, state, published, modified, tsv::text, cvss_score, severity, cwes, flags, kev, eukev, kev_due, ransomware, "
        "exploited_eu, exploitation, epss, sources, fix, priority, band, why from adv_cve order by k"
    ),
    "adv_text": "select * from adv_text order by k",
    "adv_stream": "select src, stream, watermark, rows_ok, cursor from adv_stream where stream <> '' and src > 0 order by 1, 2",
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ledger: Ledger) -> Iterator[Path]:
    monkeypatch.setenv("WATCHFLOOR_ADVISORIES_IMPORT_DIR", str(tmp_path))
    monkeypatch.setenv("WATCHFLOOR_ADVISORIES_OPTIONAL_SOURCES", "overrides")
    use_ledger(ledger)
    empty(ledger)
    yield tmp_path
    empty(ledger)
    use_ledger(None)


def empty(ledger: Ledger) -> None:
    """Forget all that is known."""
    wire = ledger.database.connect("wf_engine", autocommit=True)
    wire.execute("reset role; set role wf_advisories")
    for table in ("raw", "raw_old", "fact", "metric", "kev", "ssvc", "epss", "epss_curve", "exploit", "alias", "criterion", "cve", "text", "touched",
                  "change", "reject", "stream", "zdict"):  # fmt: skip
        wire.execute(f"delete from adv_{table}")
    wire.close()


def state(ledger: Ledger, org: UUID) -> dict[str, list[Any]]:
    """Return all that is known, without when it was learned and by which number."""
    with ledger.database.transaction(org) as session:
        return {name: wire_of(session).execute(query).fetchall() for name, query in TABLES.items()}


def run(worker: Worker, org: UUID, kind: Any, request: Any) -> tuple[str, dict[str, Any]]:
    """Run a job to its end; return its state, and its result or why it failed."""
    job = submit(worker.ledger, org, kind, request).id
    worker.run_all(org)
    with worker.ledger.database.transaction(org) as session:
        found = queries.get_job(session, org, job)
        told = queries.open_result(worker.ledger, session, org, job) or {"error": queries.open_error(worker.ledger, session, org, job)}
    return found.state, told


@pytest.fixture
def exported(worker: Worker, org: UUID, folder: Path) -> Path:
    """Learn what the recorded files say, and export it."""
    shutil.copytree(RECORDED, folder / "recorded", ignore=shutil.ignore_patterns("exploits"))
    assert run(worker, org, import_files, ImportFiles(paths=["recorded"]))[0] == "SUCCESS"
    return export(worker, org, folder)


def export(worker: Worker, org: UUID, folder: Path, name: str = "made.tar.zst", **asked: Any) -> Path:
    """Export, and put the bundle where imports are looked for."""
    state, made = run(worker, org, export_bundle, ExportBundle(**asked))
    assert state == "SUCCESS", made
    with worker.ledger.database.transaction(org) as session:
        _card, parts = read(worker.ledger, session, org, made["artifact"])
    (folder / name).write_bytes(b"".join(parts))
    return folder / name


def members(path: Path) -> list[tuple[str, bytes]]:
    """Return what is in a bundle."""
    plain = zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).read()
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        return [(one.name, tar.extractfile(one).read()) for one in tar]  # type: ignore[union-attr] # all are files


def write(path: Path, parts: list[tuple[str, bytes]]) -> None:
    """Write a bundle of these members."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name, data in parts:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    path.write_bytes(zstandard.ZstdCompressor().compress(made.getvalue()))


def test_an_empty_database_equals_the_exporters_afterwards(worker: Worker, org: UUID, exported: Path) -> None:
    before = state(worker.ledger, org)
    assert all(before[table] for table in ("adv_raw", "adv_fact", "adv_kev", "adv_epss", "adv_criterion", "adv_cve", "adv_stream"))
    empty(worker.ledger)
    done, told = run(worker, org, import_bundle, ImportBundle(path=exported.name))
    assert done == "SUCCESS", told
    after = state(worker.ledger, org)
    for table, rows in before.items():
        assert after[table] == rows, table


def test_the_same_again_changes_nothing(worker: Worker, org: UUID, exported: Path) -> None:
    before = state(worker.ledger, org)
    done, told = run(worker, org, import_bundle, ImportBundle(path=exported.name))
    assert (done, told["added"], told["removed"]) == ("SUCCESS", 0, 0)
    assert state(worker.ledger, org) == before


def test_a_bundle_says_what_it_holds_and_whose_it_is(exported: Path) -> None:
    held = members(exported)
    assert [name for name, _ in held[:2]] == ["manifest.json", "manifest.sig"]
    manifest = json.loads(held[0][1])
    assert (manifest["format"], manifest["since"]) == (1, None)
    assert [one["name"] for one in manifest["members"]] == [name for name, _ in held[2:]]
    assert {"kev.json", "epss.csv.gz", "docs/nvd.jsonl.zst", "docs/cve-list.jsonl.zst"} <= {name for name, _ in held}
    assert set(manifest["attribution"]) == {one["source"] for one in manifest["members"]}
    assert len(base64.b64decode(manifest["key"])) == 32
    assert "kev" in {one["source"] for one in manifest["streams"]}


def another_byte(parts: list[tuple[str, bytes]], place: int) -> list[tuple[str, bytes]]:
    name, data = parts[place]
    middle = len(data) // 2
    return [*parts[:place], (name, data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]), *parts[place + 1 :]]


def signed_by_a_stranger(parts: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    return [parts[0], ("manifest.sig", security.Signer().sign(b"watchfloor advisories bundle\0" + parts[0][1])), *parts[2:]]


def signed_for_something_else(parts: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    return [parts[0], ("manifest.sig", b"\0" * 64), *parts[2:]]


ATTACKS: dict[str, Callable[[list[tuple[str, bytes]]], list[tuple[str, bytes]]]] = {
    "another manifest": lambda parts: another_byte(parts, 0),
    "another signature": lambda parts: another_byte(parts, 1),
    "another member": lambda parts: another_byte(parts, 2),
    "another last member": lambda parts: another_byte(parts, len(parts) - 1),
    "a stranger's signature": signed_by_a_stranger,
    "no signature": lambda parts: [parts[0], *parts[2:]],
    "an empty signature": lambda parts: [parts[0], ("manifest.sig", b""), *parts[2:]],
    "zeros for a signature": signed_for_something_else,
    "a member less": lambda parts: parts[:-1],
    "a member twice": lambda parts: [*parts, parts[-1]],
    "a member more": lambda parts: [*parts, ("docs/more.jsonl.zst", b"x")],
    "two members swapped": lambda parts: [*parts[:2], (parts[2][0], parts[3][1]), (parts[3][0], parts[2][1]), *parts[4:]],
    "the manifest last": lambda parts: [*parts[2:], *parts[:2]],
    "a second manifest": lambda parts: [*parts, parts[0]],
    "a way out of the folder": lambda parts: [*parts, ("../../etc/passwd", b"x")],
    "nothing": lambda _parts: [],
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_what_was_changed_is_refused_before_anything_is_taken(
    worker: Worker, org: UUID, folder: Path, exported: Path, attack: Callable[[list[tuple[str, bytes]]], list[tuple[str, bytes]]]
) -> None:
    write(folder / "same.tar.zst", members(exported))
    assert run(worker, org, import_bundle, ImportBundle(path="same.tar.zst", verify=True))[0] == "SUCCESS"
    write(folder / "bad.tar.zst", attack(members(exported)))
    empty(worker.ledger)
    done, told = run(worker, org, import_bundle, ImportBundle(path="bad.tar.zst"))
    assert done == "FAILURE", told
    assert (
        "Traceback" not in str(told["error"]).partition("bundle")[0]
        or "GiveUp" in str(told["error"])
        or "SourceChanged" in str(told["error"])
    )
    assert not any(state(worker.ledger, org).values())


def test_what_is_cut_off_or_no_archive_is_refused(worker: Worker, org: UUID, folder: Path, exported: Path) -> None:
    whole = exported.read_bytes()
    empty(worker.ledger)
    for content in (whole[: len(whole) // 2], whole[:-20], b"", b"\0" * 4096, b"<html>"):
        (folder / "cut.tar.zst").write_bytes(content)
        assert run(worker, org, import_bundle, ImportBundle(path="cut.tar.zst"))[0] == "FAILURE"
    assert not any(state(worker.ledger, org).values())


def test_a_strangers_key_counts_once_it_is_trusted(
    worker: Worker, org: UUID, folder: Path, exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts, stranger = members(exported), security.Signer()
    write(
        folder / "theirs.tar.zst", [parts[0], ("manifest.sig", stranger.sign(b"watchfloor advisories bundle\0" + parts[0][1])), *parts[2:]]
    )
    assert run(worker, org, import_bundle, ImportBundle(path="theirs.tar.zst", verify=True))[0] == "FAILURE"
    monkeypatch.setenv("WATCHFLOOR_ADVISORIES_BUNDLE_TRUSTED_KEYS", base64.b64encode(stranger.public).decode())
    assert run(worker, org, import_bundle, ImportBundle(path="theirs.tar.zst", verify=True))[0] == "SUCCESS"


def test_an_older_bundle_is_taken_by_force_only_and_turns_watermarks_back(worker: Worker, org: UUID, exported: Path) -> None:
    before = state(worker.ledger, org)["adv_stream"]
    wire = worker.ledger.database.connect("wf_engine")
    wire.execute("reset role; set role wf_advisories")
    wire.execute("update adv_stream set watermark = watermark + interval '1 day' where stream <> ''")
    wire.close()
    done, told = run(worker, org, import_bundle, ImportBundle(path=exported.name))
    assert done == "FAILURE"
    assert "older than what is stored" in told["error"]
    assert run(worker, org, import_bundle, ImportBundle(path=exported.name, force=True))[0] == "SUCCESS"
    assert state(worker.ledger, org)["adv_stream"] == before


@pytest.mark.usefixtures("exported")
def test_an_increment_holds_what_came_after_and_needs_something_before(worker: Worker, org: UUID, folder: Path) -> None:
    later = export(worker, org, folder, "later.tar.zst", since=datetime.now(UTC) + timedelta(hours=1))
    assert "docs/nvd.jsonl.zst" not in [name for name, _ in members(later)]
    assert run(worker, org, import_bundle, ImportBundle(path=later.name, force=True))[0] == "SUCCESS"
    empty(worker.ledger)
    done, told = run(worker, org, import_bundle, ImportBundle(path=later.name))
    assert (done, "increment" in told["error"]) == ("FAILURE", True)


def test_a_path_out_of_the_folder_is_no_bundle(worker: Worker, org: UUID) -> None:
    assert run(worker, org, import_bundle, ImportBundle(path="../../etc/passwd"))[0] == "FAILURE"


def test_an_increment_that_begins_after_what_is_stored_ends_is_refused(worker: Worker, org: UUID, folder: Path, exported: Path) -> None:
    empty(worker.ledger)
    assert run(worker, org, import_bundle, ImportBundle(path=exported.name))[0] == "SUCCESS"
    made = datetime.fromisoformat(json.loads(members(exported)[0][1])["made_at"])
    joined = export(worker, org, folder, "joined.tar.zst", since=made)
    apart = export(worker, org, folder, "apart.tar.zst", since=datetime.now(UTC))
    empty(worker.ledger)
    assert run(worker, org, import_bundle, ImportBundle(path=exported.name))[0] == "SUCCESS"
    before = state(worker.ledger, org)
    done, told = run(worker, org, import_bundle, ImportBundle(path=apart.name))
    assert done == "FAILURE"
    assert "what is stored ends before" in told["error"]
    assert state(worker.ledger, org) == before
    assert run(worker, org, import_bundle, ImportBundle(path=joined.name))[0] == "SUCCESS"


def test_among_other_files_a_bundle_is_known_by_its_content_and_judged_as_one(
    worker: Worker, org: UUID, folder: Path, exported: Path
) -> None:
    before = state(worker.ledger, org)
    shutil.rmtree(folder / "recorded")
    (folder / "mixed").mkdir()
    exported.rename(folder / "mixed" / "whatever.bin")
    shutil.copytree(RECORDED / "exploits", folder / "mixed" / "exploits")
    empty(worker.ledger)
    done, told = run(worker, org, import_files, ImportFiles(paths=["mixed"]))
    assert (done, told["sources"][0]["source"], told["sources"][0]["state"]) == ("SUCCESS", "bundle", "synced")
    assert state(worker.ledger, org) == before


def test_a_changed_bundle_among_other_files_is_refused_alone(worker: Worker, org: UUID, folder: Path, exported: Path) -> None:
    (folder / "mixed").mkdir()
    write(folder / "mixed" / "bad.tar.zst", another_byte(members(exported), 2))
    shutil.copytree(RECORDED / "kev", folder / "mixed" / "kev")
    empty(worker.ledger)
    done, told = run(worker, org, import_files, ImportFiles(paths=["mixed"]))
    outcomes = {one["source"]: one for one in told["sources"]}
    assert (done, outcomes["bundle"]["state"], outcomes["kev"]["state"]) == ("SUCCESS", "refused", "synced")
    assert (
        "bad.tar.zst: kev.json is not what was signed" in outcomes["bundle"]["message"]
        or "is not what was signed" in outcomes["bundle"]["message"]
    )
    after = state(worker.ledger, org)
    assert {row[0] for row in after["adv_raw"]} == {3}


def test_an_older_bundle_among_files_needs_force(worker: Worker, org: UUID, exported: Path) -> None:
    wire = worker.ledger.database.connect("wf_engine", autocommit=True)
    wire.execute("reset role; set role wf_advisories")
    wire.execute("update adv_stream set watermark = watermark + interval '1 day' where stream <> ''")
    wire.close()
    _, told = run(worker, org, import_files, ImportFiles(paths=[exported.name]))
    assert (told["sources"][0]["state"], "older than what is stored" in told["sources"][0]["message"]) == ("refused", True)
    _, told = run(worker, org, import_files, ImportFiles(paths=[exported.name], force=True))
    assert told["sources"][0]["state"] in {"synced", "unchanged"}


def lines(folder: Path, *numbers: int) -> str:
    """Write records of NVD as lines, later numbers changed later, and return the file's name."""
    (folder / "nvd.jsonl").write_text("".join(json.dumps(nvd_record(n)["cve"]) + "\n" for n in numbers))
    return "nvd.jsonl"


def learn(worker: Worker, org: UUID, name: str) -> None:
    assert run(worker, org, import_files, ImportFiles(paths=[name]))[0] == "SUCCESS"


def known(worker: Worker, org: UUID) -> dict[str, list[Any]]:
    """Return all that is known but how far it was read."""
    return {table: rows for table, rows in state(worker.ledger, org).items() if table != "adv_stream"}


def test_a_whole_bundle_takes_back_what_it_does_not_hold(worker: Worker, org: UUID, folder: Path) -> None:
    learn(worker, org, lines(folder, *range(20, 69)))
    made = export(worker, org, folder)
    before = known(worker, org)
    learn(worker, org, lines(folder, 1))
    assert known(worker, org) != before
    done, told = run(worker, org, import_bundle, ImportBundle(path=made.name))
    assert (done, told["removed"]) == ("SUCCESS", 1), told
    assert known(worker, org) == before


def test_an_increment_takes_nothing_back(worker: Worker, org: UUID, folder: Path) -> None:
    learn(worker, org, lines(folder, *range(20, 69)))
    later = export(worker, org, folder, since=datetime.now(UTC) + timedelta(hours=1))
    learn(worker, org, lines(folder, 1))
    before = known(worker, org)
    done, told = run(worker, org, import_bundle, ImportBundle(path=later.name, force=True))
    assert (done, told["removed"]) == ("SUCCESS", 0), told
    assert known(worker, org) == before


def test_a_whole_bundle_that_lacks_much_of_what_is_stored_is_taken_by_force_only(worker: Worker, org: UUID, folder: Path) -> None:
    learn(worker, org, lines(folder, *range(20, 69)))
    made = export(worker, org, folder)
    small = known(worker, org)
    learn(worker, org, lines(folder, *range(1, 11)))
    large = known(worker, org)
    done, told = run(worker, org, import_bundle, ImportBundle(path=made.name))
    assert (done, "G5: the bundle holds 49 documents of nvd, and 59 are stored" in told["error"]) == ("FAILURE", True)
    assert known(worker, org) == large
    assert run(worker, org, import_bundle, ImportBundle(path=made.name, force=True))[0] == "SUCCESS"
    assert known(worker, org) == small
