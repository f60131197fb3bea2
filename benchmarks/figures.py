"""From rounds to a verdict: medians, ratios taken inside each round, and the goals they are held to. Pure."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Round = dict[str, dict[str, float]]  # peer name -> figure -> value

RATIOS: Final = ("cpu_ms_per_job", "drain_per_s", "submit_per_s", "bulk_per_s")


@dataclass(frozen=True)
class Goal:
    """One promise: a figure of one peer against one of another, and what it must reach."""

    name: str
    figure: str
    against: str
    limit: float
    at_least: bool
    difference: bool = False


def goals(broker: str) -> tuple[Goal, ...]:
    """Return what Watchfloor is held to on a broker."""
    return (
        Goal("CPU per job, to bare Celery", "cpu_ms_per_job", "celery", 1.8, at_least=False),
        Goal("CPU per job, to Celery with results", "cpu_ms_per_job", "celery-results", 1.4, at_least=False),
        Goal("drain rate, to bare Celery", "drain_per_s", "celery", 0.6 if broker == "valkey" else 0.4, at_least=True),
        Goal("single durable submit rate, to bare Celery", "submit_per_s", "celery", 0.9, at_least=True),
        Goal("bulk enqueue rate, to a loop of apply_async", "bulk_per_s", "celery", 10, at_least=True),
        Goal("idle enqueue to start, p50 ms over bare Celery", "latency_p50_ms", "celery", 10, at_least=False, difference=True),
    )


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return median, least and most."""
    return {"median": rounded(statistics.median(values)), "min": rounded(min(values)), "max": rounded(max(values))}


def summary(rounds: Sequence[Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Return the spread of every figure over a peer's rounds."""
    return {name: spread([one[name] for one in rounds]) for name in (rounds[0] if rounds else {})}


def compared(rounds: Sequence[Round], one: str, other: str, figure: str, *, difference: bool = False) -> dict[str, float] | None:
    """Return the spread of ratios (or differences) inside each round, or None when they never met."""
    pairs = [(both[one][figure], both[other][figure]) for both in rounds if one in both and other in both]
    usable = [(a, b) for a, b in pairs if difference or b > 0]
    return spread([a - b if difference else a / b for a, b in usable]) if usable else None


def ratios(rounds: Sequence[Round], base: str) -> dict[str, dict[str, Any]]:
    """Return every other peer's ratios to one."""
    others = {name for both in rounds for name in both} - {base}
    found = {name: {figure: compared(rounds, name, base, figure) for figure in RATIOS} for name in sorted(others)}
    for name, figures in found.items():
        figures["latency_p50_ms_over"] = compared(rounds, name, base, "latency_p50_ms", difference=True)
    return {name: figures for name, figures in found.items() if any(figures.values())}


def judge(rounds: Sequence[Round], broker: str, peer: str) -> list[dict[str, Any]]:
    """Hold a peer's median ratios against the goals; `met` is None where nothing was measured."""
    verdicts = []
    for goal in goals(broker):
        measured = compared(rounds, peer, goal.against, goal.figure, difference=goal.difference)
        median = measured["median"] if measured else None
        met = None if median is None else median >= goal.limit if goal.at_least else median <= goal.limit
        verdicts.append({"goal": goal.name, "limit": f"{'>=' if goal.at_least else '<='} {goal.limit:g}", "measured": measured, "met": met})
    return verdicts


def rounded(value: float) -> float:
    """Return a value with four significant digits."""
    return float(f"{value:.4g}")


def percentile(ordered: list[float], percent: float) -> float:
    """Return the value below which so many per cent of the ordered values lie, by nearest rank."""
    return ordered[max(0, -(-len(ordered) * int(percent) // 100) - 1)]
