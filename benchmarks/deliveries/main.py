"""The command line of notifications.py: every peer once a round, then one JSON document."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from typing import TYPE_CHECKING, Any

from benchmarks.deliveries import fanout, hooks, mails
from benchmarks.figures import spread

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; 0 when all that was sent arrived and nothing was stored twice, 1 when not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--mails", type=int, default=2000)
    parser.add_argument("--webhooks", type=int, default=4000)
    parser.add_argument("--apprise", type=int, default=400, help="Webhooks of the peer, which is slower.")
    parser.add_argument("--people", type=int, default=20_000)
    chosen = parser.parse_args(argv)
    before = os.getloadavg()[0]
    found = {"webhooks": _hooks(chosen), "mail": _mails(chosen), "fan_out": fanout.measure(chosen.people, chosen.rounds)}
    failures = [name for name, part in found.items() if not part["complete"]]
    machine = {"python": platform.python_version(), "cpus": os.cpu_count(), "load_before": before, "load_after": os.getloadavg()[0]}
    print(json.dumps({**found, "machine": machine, "failures": failures}, indent=2))
    return 1 if failures else 0


def _hooks(chosen: argparse.Namespace) -> dict[str, Any]:
    rates: dict[str, list[float]] = {"watchfloor": [], "apprise": []}
    absent = hooks.missing()
    complete = True
    for number in range(chosen.rounds):
        _say(f"webhooks, round {number + 1}")
        rate, arrived = hooks.ours(chosen.webhooks)
        rates["watchfloor"].append(rate)
        complete &= arrived == chosen.webhooks
        if not absent:
            rate, arrived = hooks.apprise(chosen.apprise)
            rates["apprise"].append(rate)
            complete &= arrived == chosen.apprise
    told: dict[str, Any] = {f"{name}_per_s": spread(found) for name, found in rates.items() if found}
    if absent:
        return {**told, "skipped": absent, "complete": complete}
    pairs = [ours / theirs for ours, theirs in zip(rates["watchfloor"], rates["apprise"], strict=True)]
    return {**told, "times_apprise": spread(pairs), "complete": complete}


def _mails(chosen: argparse.Namespace) -> dict[str, Any]:
    rates, complete = [], True
    for number in range(chosen.rounds):
        _say(f"mail, round {number + 1}")
        rate, arrived = mails.ours(chosen.mails)
        rates.append(rate)
        complete &= arrived == chosen.mails
    return {"watchfloor_per_s": spread(rates), "complete": complete}


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
