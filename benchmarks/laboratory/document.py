"""From answers to one document: a row for each door, totals for each tool, and the goals. Pure but for the packages' versions."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from benchmarks.laboratory import packages
from benchmarks.laboratory.answer import Answer
from benchmarks.laboratory.score import score, totals

if TYPE_CHECKING:
    from benchmarks.laboratory.answer import Look
    from benchmarks.laboratory.floor import Floor
    from benchmarks.laboratory.record import Server
    from benchmarks.laboratory.score import Score

GOALS: Final = {"services": 0.95, "products": 0.90, "time": 0.1}


def document(floor: Floor, looks: list[Look]) -> dict[str, Any]:
    """Return the table: what is true of each open door, and what each tool says."""
    rows: list[dict[str, Any]] = []
    scores: dict[str, list[Score]] = defaultdict(list)
    at_ipv6: dict[str, list[Score]] = defaultdict(list)
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
            if door.family == 6:  # noqa: PLR2004 - IPv6
                at_ipv6[look.tool].append(marks)
            row[look.tool] = {**asdict(answer), "marks": asdict(marks)}
        rows.append(row)
    tools = {
        look.tool: {
            "seconds": round(look.seconds, 2),
            **_each(look, len(rows)),
            **totals(scores[look.tool]),
            "ipv6": totals(at_ipv6[look.tool]),
        }
        for look in looks
    }
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
