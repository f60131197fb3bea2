"""Let everybody look at the same doors, and make one document of it."""

from __future__ import annotations

import base64
import json
import os
from collections import defaultdict
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from benchmarks.laboratory import network, ours, packages, rival
from benchmarks.laboratory.answer import Answer
from benchmarks.laboratory.floor import say
from benchmarks.laboratory.score import score, totals

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.laboratory.answer import Look
    from benchmarks.laboratory.floor import Floor
    from benchmarks.laboratory.record import Server

Ports: TypeAlias = dict[str, list[int]]

GOALS: Final = {"services": 0.95, "products": 0.90, "time": 0.1}


def measure(floor: Floor, *, rival_too: bool, capture: Path | None) -> dict[str, Any]:
    """Let everybody look at the same doors and return the table."""
    ports: dict[str, list[int]] = defaultdict(list)
    for _, door, port in floor.doors():
        ports[door.address].append(port)
    tools: list[Callable[[Ports], Look | None]] = [ours.look, *([rival.look] if rival_too else [])]
    looks = [look for tool in tools if (look := _counted(tool, ports))]
    if capture:
        capture.write_text(json.dumps(_captured(floor, looks[0]), indent=1) + "\n", encoding="utf-8")
    return _document(floor, looks)


def _counted(look: Callable[[Ports], Look | None], ports: Ports) -> Look | None:
    before = network.connections()
    found = look(ports)
    if found:
        found.connections = network.connections() - before
        say(f"{found.tool}: {found.seconds:.1f} s, {found.connections} connections")
    return found


def _document(floor: Floor, looks: list[Look]) -> dict[str, Any]:
    rows, scores = [], defaultdict(list)
    for server, door, port in floor.doors():
        visible = packages.version(door.version) if door.version else None
        parts = [(name, packages.version(told)) for name, told in door.made_of]
        actual = _actual(server)
        row: dict[str, Any] = {
            "server": server.name, "door": door.name, "address": door.address, "port": port,
            "truth": {"service": door.service, "tls": door.tls, "product": door.product, "version": visible, "package": actual},
        }  # fmt: skip
        for look in looks:
            answer = look.answers.get((door.address, port), Answer())
            marks = score(door, visible, actual, answer, parts)
            scores[look.tool].append(marks)
            row[look.tool] = {**asdict(answer), "marks": asdict(marks)}
        rows.append(row)
    tools = {look.tool: {"seconds": round(look.seconds, 2), **_each(look, len(rows)), **totals(scores[look.tool])} for look in looks}
    return {
        "servers": len(floor.rooms), "doors": len(rows), "failures": floor.failures, "tools": tools, "goals": _goals(tools), "rows": rows,
        "machine": {"cores": os.cpu_count(), "load": os.getloadavg()[0]},
    }  # fmt: skip


def _each(look: Look, doors: int) -> dict[str, Any]:
    return {"connections": look.connections, "connections_per_door": round((look.connections or 0) / doors, 2) if doors else None}


def _goals(tools: dict[str, Any]) -> list[dict[str, Any]]:
    mine, theirs = tools["watchfloor"], tools.get("nmap")
    versions = mine["versions"]
    goals = [
        {
            "goal": f"{kind} right",
            "limit": f">= {GOALS[kind]:g}",
            "measured": mine[kind]["share"],
            "met": (mine[kind]["share"] or 0) >= GOALS[kind],
        }
        for kind in ("services", "products")
    ]
    goals.append(
        {
            "goal": "visible versions right",
            "limit": "all",
            "measured": f"{versions['right']}/{versions['of']}",
            "met": versions["right"] == versions["of"],
        }
    )
    goals.append({"goal": "wrong versions", "limit": "0", "measured": versions["wrong"], "met": versions["wrong"] == 0})
    if theirs:
        ratio = round(mine["seconds"] / theirs["seconds"], 4)
        goals.append({"goal": "time, to nmap -sV", "limit": f"<= {GOALS['time']:g}", "measured": ratio, "met": ratio <= GOALS["time"]})
    return goals


def _actual(server: Server) -> str | None:
    """Return the upstream version of the package the program is in: what nobody sees, but what a guess must agree with."""
    names = server.unpacked or server.packages
    return packages.upstream(names[0]) if names else None


def _captured(floor: Floor, look: Look) -> list[dict[str, Any]]:
    """Return every door's real bytes, base64 where they are not text, with the truth beside them."""
    found = []
    for server, door, port in floor.doors():
        answer = look.raw.get((door.address, port))
        replies = [{"probe": reply.probe, "base64": base64.b64encode(reply.data).decode(), "text": reply.data.decode("utf-8", "backslashreplace")[:600]}
                   for reply in (answer.replies if answer else ())]  # fmt: skip
        found.append({
            "server": server.name, "door": door.name, "address": door.address, "port": port, "service": door.service, "product": door.product, "tls": door.tls,
            "version": packages.version(door.version) if door.version else None, "answers_as": asdict(look.answers.get((door.address, port), Answer())),
            "tls_error": answer.tls.error if answer and answer.tls else "", "replies": replies,
        })  # fmt: skip
    return found
