"""The command line of scans.py: the cases one after another, in each rounds of all peers in turn, then one JSON document."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from typing import TYPE_CHECKING, Any, TypeVar

from benchmarks.network import namespaces
from benchmarks.network.built import compiler
from benchmarks.network.cases import CASES, Case, quick
from benchmarks.network.peers import OURS, PEERS
from benchmarks.network.turn import TurnFailed
from benchmarks.network.verdict import Turns, document, line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.network.peers import Peer

Known = TypeVar("Known")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 0 when every turn could be measured, 1 when one failed, 2 when nothing can be measured here."""
    chosen = _parser().parse_args(arguments)
    if chosen.list:
        print("\n".join(f"{case.name:16}{case.title}" for case in CASES))
        return 0
    if namespaces.INSIDE not in os.environ and (reason := namespaces.unavailable() or _unbuildable(chosen.case)):
        _say(f"nothing can be measured here: {reason}")
        return 2
    namespaces.enter()
    load, failures = os.getloadavg()[0], list[dict[str, Any]]()
    cases = [_cut(case, chosen) for case in chosen.case]
    documents = [_measure(case, chosen.peers, failures) for case in cases]
    print(json.dumps({
        "benchmark": "scans",
        "quick": chosen.quick,
        "machine": {"cores": len(os.sched_getaffinity(0)), "load_before": load, "load_after": os.getloadavg()[0], "kernel": platform.release(), "python": platform.python_version(), "nmap": _nmap_version()},
        "peers": {peer.name: {"title": peer.title, **({"left_out": peer.missing()} if peer.missing() else {})} for peer in chosen.peers},
        "cases": documents,
        "failures": failures,
    }, indent=2))  # fmt: skip
    return 1 if failures else 0


def _unbuildable(cases: Sequence[Case]) -> str:
    relayed = [case.name for case in cases if case.network() != namespaces.Way()]
    if relayed and compiler() is None:
        return f"the relay of {', '.join(relayed)} needs a C compiler (cc); choose other cases with --case"
    if relayed and not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return f"the relay of {', '.join(relayed)} needs /dev/net/tun; choose other cases with --case"
    return ""


def _cut(case: Case, chosen: argparse.Namespace) -> Case:
    if chosen.quick:
        return quick(case)
    if chosen.rounds is None:
        return case
    return Case(
        **case.__dict__ | {"rounds": chosen.rounds, "peers": {name: min(turns, chosen.rounds) for name, turns in case.peers.items()}}
    )


def _measure(case: Case, peers: Sequence[Peer], failures: list[dict[str, Any]]) -> dict[str, Any]:
    """Run all rounds of one case; nobody is always first."""
    opened = case.open_ports()
    truth = frozenset((address, port) for address in case.order().hosts for port in opened)
    turns: Turns = []
    _say(f"{case.name}: {case.title}")
    with namespaces.joined(case.network(), hosts=case.hosts, opened=opened) as relayed:
        for number in range(1, case.rounds + 1):
            racing = [
                peer
                for peer in peers
                if not peer.missing() and number <= (case.rounds if peer.name == OURS else case.peers.get(peer.name, 0))
            ]
            shift = (number - 1) % max(1, len(racing))
            turns.append({})
            for peer in racing[shift:] + racing[:shift]:
                try:
                    turn = turns[-1][peer.name] = peer.run(case.order())
                except TurnFailed as failure:
                    failures.append({"case": case.name, "round": number, "peer": peer.name, "reason": str(failure)})
                    _say(f"  round {number} {peer.name}: {failure}")
                else:
                    _say(f"  round {number} {line(peer.name, turn, truth)}")
    return document(case, turns, truth) | {"relay": relayed}


def _nmap_version() -> str | None:
    try:
        return subprocess.run(["nmap", "--version"], capture_output=True, text=True, check=True).stdout.split()[2]
    except (OSError, subprocess.CalledProcessError):
        return None


def _parser() -> argparse.ArgumentParser:
    known = {case.name: case for case in CASES}
    parser = argparse.ArgumentParser(prog="scans.py", description="Measure the connect engine beside its peers; prints one JSON document.")
    parser.add_argument("--case", type=_choice(known), default=list(CASES), metavar="NAME,…", help="some of those that --list shows (all)")
    parser.add_argument(
        "--rounds", type=_count, default=None, help="rounds of each case (10 or 20; a slow peer has fewer turns in any case)"
    )
    parser.add_argument("--peers", type=_choice({peer.name: peer for peer in PEERS}), default=list(PEERS), metavar="NAME,…",
                        help=f"some of {', '.join(peer.name for peer in PEERS)}")  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="shows that everything runs; its figures mean nothing")
    parser.add_argument("--list", action="store_true", help="show the cases and end")
    return parser


def _choice(known: dict[str, Known]) -> Callable[[str], list[Known]]:
    """Return a reader of names with commas."""

    def read(text: str) -> list[Known]:
        names = [name.strip() for name in text.split(",") if name.strip()]
        if strange := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(f"nothing is called {', '.join(strange)}; choose from {', '.join(known)}")
        return [known[name] for name in dict.fromkeys(names)]

    return read


def _count(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 1000:  # noqa: PLR2004 - what a run can finish
        raise argparse.ArgumentTypeError(f"{number} is not between 1 and 1000")
    return number


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
