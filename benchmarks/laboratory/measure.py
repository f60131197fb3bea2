"""Let everybody look at the same doors, and make one document of it."""

from __future__ import annotations

import base64
import json
from collections import defaultdict
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from benchmarks.laboratory import network, ours, packages, rival
from benchmarks.laboratory.answer import Answer
from benchmarks.laboratory.document import document
from benchmarks.laboratory.floor import say

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.laboratory.answer import Look
    from benchmarks.laboratory.floor import Floor

Ports: TypeAlias = dict[str, list[int]]


def measure(floor: Floor, *, rival_too: bool, capture: Path | None, repeat: int = 1) -> dict[str, Any]:
    """Let everybody look at the same doors and return the table; `repeat` is how often we look, the first time counts."""
    ports: dict[str, list[int]] = defaultdict(list)
    for _, door, port in floor.doors():
        ports[door.address].append(port)
    tools: list[Callable[[Ports], Look | None]] = [ours.look, *([rival.look] if rival_too else [])]
    looks = [look for tool in tools if (look := _counted(tool, ports))]
    if capture:
        capture.write_text(json.dumps(_captured(floor, looks[0]), indent=1) + "\n", encoding="utf-8")
    again = [look for _ in range(repeat - 1) if (look := _counted(ours.look, ports))]
    return {
        **document(floor, looks),
        "repeats": [round(look.seconds, 2) for look in again],
        "unsteady": unsteady(floor, [looks[0], *again]),
    }


def unsteady(floor: Floor, looks: list[Look]) -> dict[str, list[str]]:
    """Return the doors about which not all of these looks say the same, with what they say."""
    found = {}
    for server, door, port in floor.doors():
        said = [replace(look.answers.get((door.address, port), Answer()), evidence="") for look in looks]
        if len(set(said)) > 1:
            found[f"{server.name} {door.name}"] = [f"{one.service} {one.product} {one.version}".strip() + " TLS" * one.tls for one in said]
    return found


def _counted(look: Callable[[Ports], Look | None], ports: Ports) -> Look | None:
    before = network.connections()
    found = look(ports)
    if found:
        found.connections = network.connections() - before
        say(f"{found.tool}: {found.seconds:.1f} s, {found.connections} connections")
    return found


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
