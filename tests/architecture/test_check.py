"""How ./check runs its steps: beside the tests what needs nothing of them, each with its own words, and no failure is lost."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

import checks
from checks import Options, Step, Verdict
from tests.architecture.source import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

PASSED, FAILED = Verdict(passed=True), Verdict(passed=False)


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Return a function that runs these steps as ./check does and returns its exit status and what it said."""
    monkeypatch.chdir(ROOT)

    def run(*steps: Step) -> tuple[int, str]:
        monkeypatch.setattr(checks, "STEPS", steps)
        status = checks.main([])
        return status, capfd.readouterr().out

    return run


def test_steps_run_beside_the_tests(check: Callable[..., tuple[int, str]]) -> None:
    both = threading.Barrier(2, timeout=60)

    def meet(_: Options) -> Verdict:
        both.wait()
        return PASSED

    assert check(Step("lint", meet), Step("tests", meet))[0] == 0


def test_what_the_others_stand_on_has_ended_before_they_begin(check: Callable[..., tuple[int, str]]) -> None:
    begun: list[str] = []

    def note(name: str) -> Step:
        def run(_: Options) -> Verdict:
            begun.append(name)
            return PASSED

        return Step(name, run, first=name == "set-up")

    check(note("set-up"), note("lint"), note("tests"))
    assert begun[0] == "set-up"
    assert sorted(begun) == ["lint", "set-up", "tests"]


def test_a_step_that_fails_beside_the_tests_fails_the_check_and_the_table_keeps_its_order(check: Callable[..., tuple[int, str]]) -> None:
    status, said = check(
        Step("lint", lambda _: PASSED), Step("types", lambda _: FAILED), Step("tests", lambda _: PASSED), Step("readme", lambda _: PASSED)
    )
    table = [line.split() for line in said.partition("verdict\n")[2].splitlines()]
    assert status == 1
    assert [(row[0], row[2]) for row in table] == [
        ("lint", "passed"), ("types", "FAILED"), ("tests", "passed"), ("readme", "passed"), ("total", "FAILED:"),
    ]  # fmt: skip


def test_an_error_beside_the_tests_is_not_swallowed(check: Callable[..., tuple[int, str]]) -> None:
    def broken(_: Options) -> Verdict:
        raise LookupError("of the step itself")

    with pytest.raises(LookupError, match="of the step itself"):
        check(Step("lint", broken), Step("tests", lambda _: PASSED))


def test_what_a_step_says_beside_the_tests_stands_together(check: Callable[..., tuple[int, str]]) -> None:
    said = threading.Event()

    def speak(_: Options) -> Verdict:
        spoken = checks._call("sh", "-c", "echo one; echo two >&2")
        said.set()
        return Verdict(passed=spoken)

    def interrupt(_: Options) -> Verdict:
        assert said.wait(60)
        print("three", flush=True)  # noqa: T201 - as a test run does
        return PASSED

    assert "\n== lint\none\ntwo\n" in check(Step("lint", speak), Step("tests", interrupt))[1]


def test_the_second_look_waits_until_nothing_runs_beside_it(check: Callable[..., tuple[int, str]]) -> None:
    begun, ended = threading.Event(), threading.Event()

    def slow(_: Options) -> Verdict:
        assert begun.wait(60)
        ended.set()
        return PASSED

    def look_again(options: Options) -> Verdict:
        begun.set()
        options.alone()
        return Verdict(passed=ended.is_set())

    assert check(Step("tests", look_again), Step("package", slow))[0] == 0
