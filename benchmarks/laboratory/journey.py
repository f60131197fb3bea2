"""The product's own way through the laboratory: scan, change two servers, scan again, tell the difference."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.laboratory.floor import say, start
from benchmarks.laboratory.table import SERVERS

if TYPE_CHECKING:
    from benchmarks.laboratory.floor import Floor

PROGRAM: Final = Path(__file__).resolve().parents[2] / "watchfloor"
PATIENCE_S: Final = 600
# One server is upgraded, another product takes over the port of a second, and a third is switched off.
UPGRADED: Final = "apache2-older"
SUCCESSION: Final = ("dropbear", "tinyssh")
STOPPED: Final = "memcached"
UNDERSTOOD: Final = (0, 1, 3)  # clean, findings, not everything could be looked at


def travel(floor: Floor) -> dict[str, Any]:
    """Scan all doors twice with the command line, in a data directory of its own, and return what came out."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wf-journey-")))
        folder.chmod(0o755)  # the embedded services run under an account of their own
        environment = {**os.environ, "WATCHFLOOR_DATA_DIR": str(folder / "data")}
        doors = [(door.address, port) for _, door, port in floor.doors()]
        first = _scan(doors, folder / "first.html", environment)
        changed = _change(floor, folder, stack)
        second = _scan(doors, folder / "second.html", environment)
        difference = _run(["scans", "diff", first["scan"]["id"], second["scan"]["id"], "--json"], environment)
        pages = {path.stem: path.stat().st_size for path in folder.glob("*.html")}
        return {
            "first": _told(first), "second": _told(second), "changed": changed, "report_bytes": pages, "difference": difference,
            "difference_right": _right(difference, changed),
        }  # fmt: skip


def _scan(doors: list[tuple[str, int]], page: Path, environment: dict[str, str]) -> dict[str, Any]:
    addresses = sorted({address for address, _ in doors})
    ports = ",".join(map(str, sorted({port for _, port in doors})))
    found: dict[str, Any] = _run(["scan", *addresses, "--ports", ports, "--json", "--output", str(page)], environment)
    say(f"journey: {len(found['services'])} services, {len(found['findings'])} findings")
    return found


def _run(arguments: list[str], environment: dict[str, str]) -> Any:  # noqa: ANN401 - what JSON holds
    done = subprocess.run(
        [PROGRAM, *arguments], env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE_S, stdin=subprocess.DEVNULL
    )
    if done.returncode not in UNDERSTOOD:
        message = f"watchfloor {arguments[0]} ended with {done.returncode}: {done.stderr[-1000:]}"
        raise RuntimeError(message)
    return json.loads(done.stdout)


def _change(floor: Floor, folder: Path, stack: ExitStack) -> dict[str, Any]:
    """Upgrade one server and put another in one's place, at the same ports, and stop one; return their ports."""
    leaving, heir = SUCCESSION
    rooms = {room.server.name: room for room in floor.rooms}
    absent = sorted({UPGRADED, leaving, STOPPED} - rooms.keys())
    if absent:
        message = f"the journey needs {', '.join(absent)}, which did not start"
        raise RuntimeError(message)
    for name in (UPGRADED, leaving, STOPPED):
        rooms[name].close()
        floor.rooms.remove(rooms[name])
    upgrade = replace(rooms[UPGRADED].server, name="apache2-upgraded", unpacked=())
    heirs = {upgrade.name: rooms[UPGRADED].ports, heir: rooms[leaving].ports}
    start([upgrade, *(server for server in SERVERS if server.name == heir)], heirs, folder / "heirs", floor, stack)
    if heirs.keys() & floor.failures.keys():
        raise RuntimeError(str(floor.failures))
    return {
        "upgraded": rooms[UPGRADED].ports["http"],
        "replaced": rooms[leaving].ports["ssh"],
        "stopped": next(iter(rooms[STOPPED].ports.values())),
    }


def _told(document: dict[str, Any]) -> dict[str, Any]:
    services = document["services"]
    cpes = [one["detail"]["cpe"] for one in services if one["detail"].get("cpe")]
    return {
        "scan": document["scan"]["id"], "services": len(services), "with_product": sum(bool(one["product"]) for one in services),
        "with_cpe": len(cpes), "cpes": sorted(set(cpes)),
        "findings": len(document["findings"]), "by_severity": dict(Counter(one["severity"] for one in document["findings"])),
        "by_check": dict(Counter(one["check"] for one in document["findings"])), "timings": document["timings"],
    }  # fmt: skip


def _right(difference: dict[str, Any], changed: dict[str, Any]) -> dict[str, bool]:
    """Tell whether the difference names what was changed, and nothing that was not."""
    ports = [(one["change"], one["port"]) for one in difference["ports"]]
    services = {(one["port"], one["field"]) for one in difference["services"]}
    return {
        "upgraded": (changed["upgraded"], "version") in services and (changed["upgraded"], "product") not in services,
        "replaced": (changed["replaced"], "product") in services,
        "stopped": ("closed", changed["stopped"]) in ports,
        "nothing_else": {port for port, _ in services} == {changed["upgraded"], changed["replaced"]} and len(ports) == 1,
    }
