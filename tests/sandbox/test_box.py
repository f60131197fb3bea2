"""What a box gives back, what it hides, and which layers hold."""

from __future__ import annotations

import os
import socket
import tempfile
import threading
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.sandbox import hostile
from tests.sandbox.conftest import CANARY
from watchfloor.kernel.errors import Fenced, GiveUp, InvalidInput, Retry, SetupError, SourceUnavailable
from watchfloor.kernel.sandbox.client import Sandbox, Usage
from watchfloor.kernel.sandbox.profiles import SCAN, Mode

if TYPE_CHECKING:
    from watchfloor.kernel.sandbox.zygote import Zygote

LIMIT = timedelta(seconds=30)


def run(sandbox: Sandbox, function: Any, **options: Any) -> hostile.Told:
    request = hostile.Ask(**{name: options.pop(name) for name in ("text", "number", "secret") if name in options})
    told: hostile.Told = sandbox.run(function, request, **{"deadline": LIMIT, **options})
    return told


def layers(sandbox: Sandbox) -> tuple[str, ...]:
    seen: list[Usage] = []
    run(sandbox, hostile.echo, observe=seen.append)
    return seen[0].in_force


def offers(sandbox: Sandbox, name: str) -> str:
    for layer in layers(sandbox):
        if layer.partition(":")[0] == name:
            return layer
    pytest.skip(f"this machine does not offer {name}")


def test_answer_and_progress_travel(sandbox: Sandbox) -> None:
    seen: list[tuple[int, int, str, str]] = []
    assert run(sandbox, hostile.echo, text="grüße\u2028", report=lambda *shown: seen.append(shown)).text == "grüße\u2028"
    assert seen[0] == (1, 2, "half", "one")
    assert seen[-1] == (2, 2, "done", "two")


def test_last_report_always_arrives(sandbox: Sandbox) -> None:
    seen: list[int] = []
    run(sandbox, hostile.many_reports, number=5000, report=lambda done, *_: seen.append(done))
    assert seen[-1] == 5000
    assert len(seen) < 500


def test_parts_are_kept_one_after_the_other_and_answered(sandbox: Sandbox) -> None:
    kept: list[str] = []

    def keep(part: hostile.Told) -> dict[str, Any]:
        time.sleep(0.25)  # as a database would
        kept.append(part.text)
        return {"kept": len(kept)}

    told = run(sandbox, hostile.keep_parts, number=3, keep=keep)
    assert kept == ["part 0", "part 1", "part 2", "last"]
    assert told.facts == {"refused": "True", "reply": "3"}


def test_parts_that_nobody_keeps_are_dropped(sandbox: Sandbox) -> None:
    assert run(sandbox, hostile.keep_parts, number=2).text == "end"


def test_a_part_of_another_shape_ends_the_box(sandbox: Sandbox) -> None:
    with pytest.raises(GiveUp, match="promised shape"):
        run(sandbox, hostile.keep_what_has_no_shape, keep=lambda _part: {})


def test_a_flood_of_parts_ends_the_box(sandbox: Sandbox) -> None:
    kept: list[hostile.Told] = []

    def keep(part: hostile.Told) -> dict[str, Any]:
        kept.append(part)
        return {}

    with pytest.raises(GiveUp, match="more than 5 parts of an answer in one second"):
        run(sandbox, hostile.flood_with_parts, keep=keep)
    assert len(kept) == 5


def test_what_keeping_raises_ends_the_box(sandbox: Sandbox) -> None:
    def refuse(_part: hostile.Told) -> dict[str, Any]:
        raise Fenced("not ours any more")

    with pytest.raises(Fenced, match="not ours any more"):
        run(sandbox, hostile.keep_parts, number=100, keep=refuse)


def test_secret_reaches_the_box(sandbox: Sandbox) -> None:
    assert run(sandbox, hostile.tell_secret, secret="s3cret").text == "terc3s"


@pytest.mark.parametrize(("name", "kind", "text"), [
    ("Retry", Retry, "rate limited"), ("InvalidInput", InvalidInput, "bad port"), ("SourceUnavailable", SourceUnavailable, "no answer"),
    ("Closer", SourceUnavailable, "not today"), ("Fenced", GiveUp, "sandbox: Fenced: not for a box to say"), ("Surprise", GiveUp, "sandbox: Surprise: odd"),
    ("Impostor", GiveUp, "sandbox: Retry: pretends"), ("Exit", GiveUp, "sandbox: SystemExit: 3"),
])  # fmt: skip
def test_only_listed_errors_keep_their_class(sandbox: Sandbox, name: str, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind) as caught:
        run(sandbox, hostile.raise_named, text=name)
    assert type(caught.value) is kind
    assert str(caught.value) == text


def test_errors_keep_their_fields(sandbox: Sandbox) -> None:
    with pytest.raises(Retry) as retry:
        run(sandbox, hostile.raise_named, text="Retry")
    assert retry.value.delay == timedelta(seconds=7)
    with pytest.raises(InvalidInput) as invalid:
        run(sandbox, hostile.raise_named, text="InvalidInput")
    assert invalid.value.field == "/ports/0"


def test_error_text_is_short_printable_and_without_secrets(sandbox: Sandbox) -> None:
    with pytest.raises(GiveUp) as caught:
        run(sandbox, hostile.leak_in_error, secret="hunter2-hunter2")
    text = caught.value.reason
    assert "hunter2" not in text
    assert "login with *** failed" in text
    assert text.isprintable()
    assert len(text) <= 2000


def test_nothing_of_the_parent_is_in_the_box(sandbox: Sandbox, nursery: Zygote) -> None:
    facts = run(sandbox, hostile.look_around).facts
    assert CANARY not in "".join(facts.values())
    assert "WATCHFLOOR" not in facts["environment"]
    assert facts["open"] == "[0, 1, 2, 3]"
    assert not any(f".kernel.{noun}" in facts["modules"] for noun in ("db", "security", "jobs", "tenancy"))
    environment = Path(f"/proc/{nursery.pid}/environ")
    if os.geteuid() == 0:
        assert CANARY.encode() not in environment.read_bytes()
    else:
        with pytest.raises(PermissionError):  # not even its own user may look into it
            environment.read_bytes()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has a user to drop")
def test_root_becomes_nobody(sandbox: Sandbox) -> None:
    facts = run(sandbox, hostile.look_around).facts
    assert "(0" not in facts["uid"]
    assert facts["groups"] == "[]"


def test_box_sees_its_own_processes_only(sandbox: Sandbox) -> None:
    offers(sandbox, "ns")
    with pytest.raises(GiveUp, match=r"ProcessLookupError|PermissionError"):
        run(sandbox, hostile.try_kill, number=os.getpid())


@pytest.mark.parametrize("path", ["/etc/passwd", "/proc/self/environ", "/proc/1/cmdline"])
def test_files_outside_the_list_are_refused(sandbox: Sandbox, path: str) -> None:
    offers(sandbox, "landlock")
    with pytest.raises(GiveUp, match="PermissionError"):
        run(sandbox, hostile.try_file, text=path)


def test_folders_outside_the_list_are_refused(sandbox: Sandbox) -> None:
    offers(sandbox, "landlock")
    with pytest.raises(GiveUp, match="PermissionError"):
        run(sandbox, hostile.try_list, text=tempfile.gettempdir())


def test_nothing_is_executed(sandbox: Sandbox) -> None:
    offers(sandbox, "landlock")
    with pytest.raises(GiveUp, match="PermissionError"):
        run(sandbox, hostile.try_exec)


def test_raw_sockets_are_refused(sandbox: Sandbox) -> None:
    offers(sandbox, "seccomp")
    with pytest.raises(GiveUp, match="PermissionError"):
        run(sandbox, hostile.try_raw_socket)


@pytest.mark.usefixtures("sandbox")
def test_a_box_cannot_order_a_box(nursery: Zygote) -> None:
    for mode in (Mode.BEST_EFFORT, Mode.OFF):
        # Hung up on, or not even reached: another user, another file system.
        told = run(Sandbox(nursery.address, mode=mode), hostile.try_ordering, text=nursery.address)
        assert told.text in {"b''", "PermissionError", "FileNotFoundError", "ConnectionResetError"}


def test_network_names_and_threads_work(sandbox: Sandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"hello")

        greeter = threading.Thread(target=greet)
        greeter.start()
        assert run(sandbox, hostile.connect, number=server.getsockname()[1]).text == "hello"
        greeter.join()
    assert run(sandbox, hostile.resolve_name, text="localhost").text in {"127.0.0.1", "::1"}
    assert run(sandbox, hostile.start_threads).text == "8"


def test_open_files_end_at_the_profile(sandbox: Sandbox) -> None:
    profile = replace(SCAN, open_files=64)
    assert run(sandbox, hostile.open_files, profile=profile).text == "60"


def test_in_force_names_the_layers(sandbox: Sandbox) -> None:
    found = layers(sandbox)
    assert found[0] == "mode:best-effort"
    assert "nnp" in found
    assert "watchdog" in found
    assert any(layer.startswith("rlimit:AS,DATA,CPU,FSIZE,NOFILE,CORE") for layer in found)


@pytest.mark.usefixtures("sandbox")
def test_off_claims_nothing(nursery: Zygote) -> None:
    assert layers(Sandbox(nursery.address, mode=Mode.OFF)) == ("mode:off",)


def test_require_runs_or_says_what_is_missing(nursery: Zygote, sandbox: Sandbox) -> None:
    present = {layer.partition(":")[0] for layer in layers(sandbox)}
    strict = Sandbox(nursery.address, mode=Mode.REQUIRE)
    if {"landlock", "seccomp", "ns"} <= present:
        assert layers(strict)[0] == "mode:require"
    else:
        with pytest.raises(SetupError, match="this machine lacks"):
            layers(strict)


def test_function_must_be_found_by_name(sandbox: Sandbox) -> None:
    with pytest.raises(TypeError, match="top level"):
        run(sandbox, lambda _request, _report: None)
    with pytest.raises(TypeError, match="return annotation"):
        run(sandbox, hostile.promise_nothing)


def test_module_that_the_zygote_cannot_import_is_named(sandbox: Sandbox) -> None:
    def absent(request: hostile.Ask, report: Any) -> hostile.Told:
        raise NotImplementedError

    absent.__module__, absent.__qualname__ = "no_such_module", "absent"
    with pytest.raises(SetupError, match="no_such_module"):
        run(sandbox, absent)


def test_request_over_the_limit_is_refused_here(sandbox: Sandbox) -> None:
    with pytest.raises(InvalidInput, match="smaller jobs"):
        run(sandbox, hostile.echo, text="x" * (9 << 20))


def test_eight_boxes_from_threads(sandbox: Sandbox) -> None:
    answers: list[str] = []
    threads = [threading.Thread(target=lambda n=n: answers.append(run(sandbox, hostile.echo, text=str(n)).text)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [str(number) for number in range(8)]


def test_late_imports_work(sandbox: Sandbox) -> None:
    assert run(sandbox, hostile.import_late).text == "colorsys"
