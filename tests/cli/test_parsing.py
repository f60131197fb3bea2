"""What is read from arguments and files."""

from __future__ import annotations

import pytest

from watchfloor.doors.cli.doctor import Line, State, verdict
from watchfloor.doors.cli.look_at_machine import read_lock
from watchfloor.doors.cli.look_at_services import _client
from watchfloor.doors.cli.processes import parse_autoscale, parse_queues
from watchfloor.kernel.embedded.supervisor import spell_exit
from watchfloor.kernel.errors import InvalidInput
from watchfloor.kernel.jobs.cli.schedules import read_arguments


def test_queues_are_separated_by_commas_or_repeated() -> None:
    assert parse_queues(["scans, default", "scans", "reports"]) == ("scans", "default", "reports")


def test_queues_have_the_names_that_existing_workers_route_scans_by() -> None:
    assert parse_queues(["security,network", "reports"]) == ("scans", "reports")


@pytest.mark.parametrize("text", ["10,3", "10"])
def test_autoscale_is_most_and_fewest(text: str) -> None:
    assert parse_autoscale(text) in {(10, 3), (10, 1)}


@pytest.mark.parametrize("text", ["", "3,10", "0,0", "a,b", "10,", "513,1", "-1"])
def test_what_is_no_autoscale_is_refused(text: str) -> None:
    if text == "10,":
        assert parse_autoscale(text) == (10, 1)
        return
    with pytest.raises(InvalidInput):
        parse_autoscale(text)


def test_arguments_are_json_or_text_and_repeat_into_lists() -> None:
    given = ["targets=192.0.2.1", "targets=192.0.2.2", "rate=100", "deep=true", "name=a=b"]
    assert read_arguments(given) == {"targets": ["192.0.2.1", "192.0.2.2"], "rate": 100, "deep": True, "name": "a=b"}


def test_an_argument_without_a_value_is_refused() -> None:
    with pytest.raises(InvalidInput, match="is not NAME=VALUE"):
        read_arguments(["targets"])


def test_a_lock_is_read_for_this_machine_alone() -> None:
    text = "# made\nanyio==4.1 \\\n    --hash=sha256:00\nwinonly==1.0 ; sys_platform == 'win32' \\\n    --hash=sha256:00\nhere==2.0 ; python_version >= '3.11'\n"
    assert read_lock(text) == {"anyio": "4.1", "here": "2.0"}


def test_an_exit_is_spelt() -> None:
    assert [spell_exit(code) for code in (0, 75, -9)] == ["exit code 0", "exit code 75", "killed by SIGKILL"]


@pytest.mark.parametrize(
    ("states", "expected"),
    [([State.OK], "ok"), ([State.OK, State.WARN], "warn"), ([State.UNKNOWN], "warn"), ([State.WARN, State.FAIL], "fail")],
)
def test_the_worst_line_is_the_verdict(states: list[State], expected: str) -> None:
    assert verdict([Line(state, "x", "y") for state in states]) == expected


def test_a_socket_address_of_the_broker_is_understood() -> None:
    client = _client("redis+socket://:p%2Fw@/run/x/valkey.sock?virtual_host=3")
    kwargs = client.connection_pool.connection_kwargs
    assert (kwargs["path"], kwargs["db"]) == ("/run/x/valkey.sock", 3)
    client.close()
