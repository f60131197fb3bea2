"""From the turns of one case to its figures, its ratios and whether each goal was met. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from benchmarks.figures import compared, rounded, spread, summary
from benchmarks.network.peers import OURS

if TYPE_CHECKING:
    from benchmarks.network.cases import Case
    from benchmarks.network.turn import Port, Turn

Turns = list[dict[str, "Turn"]]  # one dict of peer -> turn for each round
STATES: Final = ("closed", "filtered", "unreachable", "skipped")
FIGURES: Final = ("wall_s", "cpu_s", "memory_mb")


def document(case: Case, turns: Turns, truth: frozenset[Port]) -> dict[str, Any]:
    """Return all that is said about one case."""
    rounds = [{name: _figures(turn) for name, turn in one.items()} for one in turns]
    names = list(dict.fromkeys(name for one in turns for name in one))
    return {
        "case": case.name,
        "title": case.title,
        "peers": {name: _entry(name, case, turns, truth) for name in names},
        "ratios": {
            other: {figure: compared(rounds, OURS, other, figure) for figure in ("wall_s", "cpu_s")} for other in names if other != OURS
        },
        "goals": [*_goals(case, rounds), *_facts(case, turns, truth)],
    }


def _figures(turn: Turn) -> dict[str, float]:
    found = {"wall_s": turn.wall_s, "cpu_s": turn.cpu_s, "memory_mb": turn.memory_mb}
    if "critical" in turn.said.get("groups_s", {}):
        found["critical_s"] = turn.said["groups_s"]["critical"]
    if turn.said.get("after_flag_ms") is not None:
        found["after_flag_ms"] = turn.said["after_flag_ms"]
    return found


def _entry(name: str, case: Case, turns: Turns, truth: frozenset[Port]) -> dict[str, Any]:
    mine = [one[name] for one in turns if name in one]
    entry: dict[str, Any] = {
        "runs": len(mine),
        "figures": summary([_figures(turn) for turn in mine]),
        "open_expected": len(truth),
        "open_found": [len(turn.open & truth) for turn in mine],
        "open_false": [len(turn.open - truth) for turn in mine],
    }
    if name == OURS:
        entry["states"] = {state: [turn.said[state] for turn in mine] for state in STATES}
        entry["process_s"] = spread([turn.said["process_s"] for turn in mine])
        entry["probes"] = spread([turn.said["probes"] for turn in mine])
        entry["trouble"] = [turn.said["trouble"] for turn in mine if turn.said["trouble"]]
        if case.groups:
            entry["groups_s"] = {group: spread([turn.said["groups_s"][group] for turn in mine]) for group in mine[0].said["groups_s"]}
    return entry


def _goals(case: Case, rounds: list[dict[str, dict[str, float]]]) -> list[dict[str, Any]]:
    """Hold medians against the goals; `met` is None where nothing was measured."""
    verdicts = []
    for name, limit in case.goals.items():
        figure, _, other = name.partition("/")
        if other:
            measured = compared(rounds, OURS, other, f"{figure}_s")
        else:
            values = [one[OURS][figure] for one in rounds if figure in one.get(OURS, {})]
            measured = spread(values) if values else None
        met = None if measured is None else measured["median"] <= limit
        verdicts.append({"goal": name, "limit": f"<= {limit:g}", "measured": measured, "met": met})
    return verdicts


def _facts(case: Case, turns: Turns, truth: frozenset[Port]) -> list[dict[str, Any]]:
    """Return what must hold in every single run, not in the median."""
    ours = [one[OURS] for one in turns if OURS in one]
    whole = [turn for turn in ours if case.cancel_after_s is None]
    facts = {
        "no false open port": (sum(not turn.open - truth for turn in ours), len(ours)),
        "no descriptor left": (sum(not turn.said["descriptors_left"] for turn in ours), len(ours)),
    }
    if whole:
        facts["every open port found"] = (sum(turn.open >= truth for turn in whole), len(whole))
        facts["nothing left unasked"] = (sum(not turn.said["skipped"] for turn in whole), len(whole))
    else:
        facts["stopped before the end"] = (sum(turn.said["after_flag_ms"] is not None for turn in ours), len(ours))
    if case.nothing_filtered:
        facts["nothing wrongly filtered"] = (sum(not turn.said["filtered"] for turn in ours), len(ours))
    return [
        {"goal": name, "limit": f"{of} of {of} runs", "measured": held, "met": held == of if of else None}
        for name, (held, of) in facts.items()
    ]


def line(name: str, turn: Turn, truth: frozenset[Port]) -> str:
    """Return a turn in one line for people."""
    extra = "".join(f", {label} {rounded(value)}" for label, value in _figures(turn).items() if label not in FIGURES)
    return (
        f"{name}: {turn.wall_s:.2f} s, {turn.cpu_s:.2f} CPU-s, {turn.memory_mb:.0f} MB, "
        f"{len(turn.open & truth)} of {len(truth)} open, {len(turn.open - truth)} false{extra}"
    )
