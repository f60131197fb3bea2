"""`wf reports verify`: is this file the report that was made, and would the same data give it again?"""

from __future__ import annotations

import hashlib
import json as json_
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from watchfloor.capabilities.reports.cli.work import run
from watchfloor.kernel.errors import Conflict, InvalidInput
from watchfloor.kernel.terminal import Exit, Json, desk, print_json, print_text

FINE = "as it was"

if TYPE_CHECKING:
    from watchfloor.kernel.terminal import Floor


def verify(
    context: typer.Context, what: Annotated[str, typer.Argument(help="A file, or a report's id.", metavar="FILE_OR_ID")], *,
    rerender: Annotated[bool, typer.Option("--rerender", help="Render the snapshot again and compare the bytes.")] = False,
    pdfa: Annotated[bool, typer.Option("--pdfa", help="Check a PDF against PDF/A as well.")] = False, json: Json = False,
) -> None:  # fmt: skip
    """Prove a report: exit code 0 when all that was looked at is right, 1 when something differs."""
    path = Path(what)
    with desk(context).floor(work=True) as floor:
        known: dict[str, Any] = _known(floor, path) if path.is_file() else {"report": _ready(floor, what)}
        if path.is_file() and zipfile.is_zipfile(path):
            known |= _bundle(floor, path)
        if known["report"] is None:
            _say(known, json=json)
            # Whoever packed a bundle again has other bytes, and files that its signed manifest proves.
            raise typer.Exit(Exit.CLEAN if known.get("bundle_ok") else Exit.FINDINGS)
        told = known
        if known.get("state", "ready") == "ready":
            told = {**known, **_proven(floor, UUID(str(known["report"])), rerender=rerender, pdfa=pdfa)}
        else:
            told["notes"] = [f"Our own file is {known['state']}, so this one was compared with the signed manifest and with nothing else."]
    _say(told, json=json)
    proven = [told.get(name) for name in ("file_ok", "signature_ok", "rerender_equal", "pdfa", "bundle_ok")]
    raise typer.Exit(Exit.FINDINGS if False in proven else Exit.CLEAN)


def _ready(floor: Floor, what: str) -> UUID:
    """Return the id of a report whose file is here to be proven.

    Raises:
        InvalidInput: It is neither a file nor an id.
        NotFound: There is none of this id.
        Conflict: Its file is gone, or there never was one.
    """
    from watchfloor.capabilities.reports.queries import reports  # noqa: PLC0415 - loads the database's libraries

    try:
        report = UUID(what)
    except ValueError:
        raise InvalidInput(
            f"{what[:200]!r} is neither a file nor a report's id; `watchfloor reports list` shows those there are."
        ) from None
    with floor.ledger.database.transaction(floor.org) as session:
        state = reports.get_report(session, floor.org, report).state
    if state != "ready":
        raise Conflict(f"Report {report} is {state}: there is no file here to be proven. A file that you have is proven by its name.")
    return report


def _known(floor: Floor, path: Path) -> dict[str, Any]:
    """Tell which report a file is, by its hash."""
    from watchfloor.capabilities.reports.jobs.making import signed  # noqa: PLC0415 - loads the database's libraries
    from watchfloor.capabilities.reports.queries import reports  # noqa: PLC0415 - see above

    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    with floor.ledger.database.transaction(floor.org) as session:
        found = reports.find_by_hash(session, floor.org, digest.digest())
    if found is None or found.manifest is None:
        return {"file": str(path), "sha256": digest.hexdigest(), "report": None}
    manifest = json_.loads(found.manifest)
    return {
        "file": str(path),
        "sha256": digest.hexdigest(),
        "report": found.id,
        "state": found.state,
        "file_ok": manifest["sha256"] == digest.hexdigest(),
        "signature_ok": signed(found),
        "manifest": manifest,
    }


def _bundle(floor: Floor, path: Path) -> dict[str, Any]:
    """Check the files of a bundle against the manifest in it, and that against our signature."""
    from watchfloor.capabilities.reports.engine.verify import verify_bundle  # noqa: PLC0415 - see above
    from watchfloor.capabilities.reports.jobs.rendering import PURPOSE  # noqa: PLC0415 - see above

    try:
        with path.open("rb") as file:
            found = verify_bundle(file, floor.ledger.vault.signer(PURPOSE).public)
    except InvalidInput:
        return {}  # an archive of somebody else's
    return {
        "bundle_ok": found.equal,
        "files": {name: trouble or FINE for name, trouble in found.files.items()},
        "signed": found.signed,
    }


def _proven(floor: Floor, report: UUID, *, rerender: bool, pdfa: bool) -> dict[str, Any]:
    from watchfloor.capabilities.reports.jobs import verify_report  # noqa: PLC0415 - loads the database's libraries
    from watchfloor.capabilities.reports.schemas.requests import VerifyReport  # noqa: PLC0415 - see above

    return run(floor, verify_report, VerifyReport(report_id=report, rerender=rerender, pdfa=pdfa), failed="Nothing was proven")[1]


def _say(told: dict[str, Any], *, json: bool) -> None:
    if json:
        print_json(told)
        return
    words = {True: "yes", False: "NO"}
    if told["report"] is None:
        print_text(f"No report that was made here has these bytes (SHA-256 {told['sha256']}).")
    else:
        print_text(f"Report {told['report']}")
    for name, label in (
        ("file_ok", "The file has the bytes of its manifest"), ("signature_ok", "The manifest's signature is ours"),
        ("rerender_equal", "Rendered again, the bytes are the same"), ("pdfa", "It is PDF/A"), ("bundle_ok", "Every file in it is the one its signed manifest names"),
    ):  # fmt: skip
        if told.get(name) is not None:  # what was not asked for, or is not known, is no line; notes say why
            print_text(f"  {label}: {words[told[name]]}")
    if "signed" in told:
        print_text(f"  The signature of the bundle's manifest is ours: {words[bool(told['signed'])]}")
    for name, trouble in told.get("files", {}).items():
        if trouble != FINE:
            print_text(f"  {name}: {trouble}")
    for sentence in told.get("notes", ()):
        print_text(f"  {sentence}")
