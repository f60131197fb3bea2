"""The frozen settings, addresses, keyring and the ledger behind AsyncResult."""

from __future__ import annotations

import json
import os
import ssl
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from celery.exceptions import TaskRevokedError
from celery.exceptions import TimeoutError as WaitedTooLong
from celery.result import AsyncResult

from tests.broker.floor import KINDS
from watchfloor.kernel.errors import JobFailed, JobRevoked, SetupError
from watchfloor.kernel.jobs.broker.address import read_address
from watchfloor.kernel.jobs.broker.app import Profile, Wiring, make_app
from watchfloor.kernel.jobs.broker.keyring import Keyring, read_keyring, write_keyring
from watchfloor.kernel.jobs.broker.tickets import TicketKey
from watchfloor.kernel.security import Signer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

# jobs.md section 8, without what differs between profiles and brokers.
FROZEN: dict[str, object] = {
    "worker_consumer": "watchfloor.kernel.jobs.broker.consumer:TicketConsumer",
    "task_serializer": "json",
    "task_ignore_result": True,
    "task_acks_late": False,
    "task_reject_on_worker_lost": False,
    "task_retry_on_worker_lost": False,
    "worker_prefetch_multiplier": 1,
    "worker_disable_rate_limits": True,
    "task_publish_retry": False,
    "task_create_missing_queues": False,
    "task_time_limit": None,
    "task_soft_time_limit": None,
    "worker_max_tasks_per_child": 10_000,
    "worker_max_memory_per_child": 400_000,
    "worker_pool": "prefork",
    "worker_pool_start_method": "fork",
    "worker_soft_shutdown_timeout": 60.0,
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
}


@pytest.mark.parametrize("profile", Profile)
def test_settings_are_those_of_the_design(profile: Profile) -> None:
    app = make_app("redis://127.0.0.1:1/0", KINDS, profile=profile)
    assert {name: getattr(app.conf, name) for name in FROZEN} == FROZEN
    open_ = profile is not Profile.HARDENED
    assert app.conf.accept_content == (["wf-ticket", "json"] if open_ else ["wf-ticket"])
    assert (app.conf.worker_enable_remote_control, app.conf.worker_send_task_events) == (open_, False)
    assert app.conf.result_backend.endswith("results:LedgerBackend")
    assert {queue.name for queue in app.conf.task_queues} == {
        "default",
        "scans",
        "advisories",
        "cookies",
        "reports",
        "notifications",
        "system",
    }
    options = app.conf.broker_transport_options
    expected = {
        "global_keyprefix": "wf:",
        "socket_timeout": 10,
        "socket_connect_timeout": 5,
        "socket_keepalive": True,
        "health_check_interval": 25,
        "visibility_timeout": 3600,
        "retry_on_timeout": False,
    }
    assert {name: options[name] for name in expected} == expected


def test_a_worker_may_name_queues_as_existing_workers_do() -> None:
    app = make_app("redis://127.0.0.1:1/0", KINDS)
    app.amqp.queues.select(["security", "network", "reports"])
    assert sorted(app.amqp.queues.consume_from) == ["reports", "scans"]
    with pytest.raises(KeyError):
        app.amqp.queues.select(["fast"])


def test_rabbitmq_queues_live_on_a_quorum_and_publishing_is_confirmed() -> None:
    app = make_app("amqp://127.0.0.1:1//", KINDS)
    assert all(queue.queue_arguments == {"x-queue-type": "quorum"} and queue.durable for queue in app.conf.task_queues)
    assert app.conf.broker_transport_options["confirm_publish"] is True


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("redis://h:1/2", "redis://h:1/2"),
        ("valkey://:p@h/2", "redis://:p@h/2"),
        ("REDIS://h", "redis://h"),
        ("valkeys://h", "rediss://h"),
        ("redis+socket://:p@/run/v.sock?virtual_host=1", "redis+socket://:p@/run/v.sock?virtual_host=1"),
        ("unix://:p@/run/v.sock?db=1", "redis+socket://:p@/run/v.sock?virtual_host=1"),
        ("valkey+socket:///run/v.sock", "redis+socket:///run/v.sock"),
        ("amqp://u:p@h/v", "amqp://u:p@h/v"),
    ],
)
def test_address_is_understood(given: str, expected: str) -> None:
    assert read_address(given).url == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "redis",
        "http://h",
        "sqs://",
        "memory://",
        "redis://h:99999",
        "redis://h:x",
        "unix://",
        "os.system:run://x",
        "rediss://h?ssl_cert_reqs=none",
    ],
)
def test_other_address_is_a_setup_error(url: str) -> None:
    with pytest.raises(SetupError, match="broker URL"):
        read_address(url)


def test_address_does_not_show_its_password() -> None:
    assert "hunter2" not in repr(read_address("redis://:hunter2@h"))


def test_tls_always_verifies() -> None:
    redis, amqp = read_address("rediss://h?ssl_ca_certs=/ca.pem").tls, read_address("amqps://h").tls
    assert redis == {"ssl_ca_certs": "/ca.pem", "ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_check_hostname": True}
    assert amqp is not None
    assert (amqp["cert_reqs"], amqp["server_hostname"]) == (ssl.CERT_REQUIRED, "h")
    assert read_address("redis://h").tls is None


def test_keyring_follows_its_file(tmp_path: Path) -> None:
    path, signer = tmp_path / "keys.json", Signer()
    ring = Keyring(path)
    assert dict(ring()) == {}
    for key in (TicketKey(signer.public), TicketKey(signer.public, revoked=True, not_after_ms=5)):
        write_keyring(path, {signer.kid: key})
        assert ring()[signer.kid] == key
    assert [found.name for found in tmp_path.iterdir()] == ["keys.json"]


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"zz": {}}', '{"0011223344556677": {"public": "00", "revoked": false, "not_after": null}}', "[" * 5000]
)
def test_broken_keyring_keeps_the_last_good_keys(tmp_path: Path, text: str) -> None:
    path, signer = tmp_path / "keys.json", Signer()
    write_keyring(path, {signer.kid: TicketKey(signer.public)})
    ring = Keyring(path)
    assert signer.kid in ring()
    path.write_text(text)
    assert signer.kid in ring()
    with pytest.raises(SetupError, match="not a keyring"):
        read_keyring(path)
    path.unlink()
    assert signer.kid in ring()


def test_keyring_others_may_write_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    write_keyring(path, {})
    os.chmod(path, 0o666)  # noqa: PTH101, S103 - the mistake under test
    with pytest.raises(SetupError, match="chmod go-w"):
        read_keyring(path)


def with_rows(rows: Mapping[str, dict[str, Any]], cancelled: list[str] | None = None) -> None:
    """Make an application current whose ledger holds these rows."""
    make_app("redis://127.0.0.1:1/0", KINDS, wiring=Wiring(read=rows.get, cancel=(cancelled if cancelled is not None else []).append))


def test_async_result_reads_the_ledger() -> None:
    with_rows({"a": {"state": "SUCCESS", "result": {"open": 3}}, "b": {"state": "PROGRESS", "info": {"done": 1, "total": 2}}})
    assert (AsyncResult("a").state, AsyncResult("a").get(timeout=1), AsyncResult("a").successful()) == ("SUCCESS", {"open": 3}, True)
    assert (AsyncResult("b").status, AsyncResult("b").info, AsyncResult("b").ready()) == ("PROGRESS", {"done": 1, "total": 2}, False)
    assert (AsyncResult("unknown").state, AsyncResult("unknown").result) == ("PENDING", None)


def test_async_result_raises_what_ended_the_job() -> None:
    with_rows(
        {
            "f": {"state": "FAILURE", "reason": "gave_up", "error": "no such host", "traceback": "…"},
            "r": {"state": "REVOKED", "reason": "expired"},
        }
    )
    with pytest.raises(JobFailed, match="gave_up: no such host"):
        AsyncResult("f").get()
    assert AsyncResult("f").traceback == "…"
    for kind in (JobRevoked, TaskRevokedError):
        with pytest.raises(kind, match="expired"):
            AsyncResult("r").get()


def test_waiting_ends_when_the_job_does_and_not_later_than_asked() -> None:
    looks: list[str] = []

    def read(job: str) -> dict[str, Any]:
        looks.append(job)
        return {"state": "SUCCESS", "result": 1} if len(looks) == 3 else {"state": "STARTED", "info": None}

    make_app("redis://127.0.0.1:1/0", KINDS, wiring=Wiring(read=read))
    assert AsyncResult("a").get(timeout=20) == 1
    with_rows({"s": {"state": "STARTED"}})
    with pytest.raises(WaitedTooLong, match=r"is STARTED after 0\.2 s"):
        AsyncResult("s").get(timeout=0.2)


def test_revoke_cancels_in_the_ledger_and_forget_is_refused() -> None:
    cancelled: list[str] = []
    with_rows({}, cancelled)
    AsyncResult("a").revoke(terminate=True)
    assert cancelled == ["a"]
    with pytest.raises(TypeError, match="keep_result"):
        AsyncResult("a").forget()


def test_backend_writes_nothing() -> None:
    with_rows({"a": {"state": "STARTED"}})
    AsyncResult("a").backend.mark_as_done("a", {"forged": True})
    AsyncResult("a").backend.mark_as_failure("a", ValueError("forged"))
    assert AsyncResult("a").state == "STARTED"


def test_sending_a_task_enqueues_a_job() -> None:
    sent: list[object] = []

    def enqueue(kind: str, args: Sequence[object], arguments: Mapping[str, object], options: Mapping[str, object]) -> str:
        sent.append((kind, list(args), json.loads(json.dumps(arguments)), dict(options)))
        return str(uuid4())

    app = make_app("redis://127.0.0.1:1/0", KINDS, wiring=Wiring(enqueue=enqueue))
    app.send_task("scans.run", kwargs={"targets": ["a"]}, priority=9)
    app.tasks["scans.shard"].apply_async(kwargs={"n": 1}, queue="scans")
    app.tasks["scans.run"].delay(n=2)
    app.tasks["scans.run"].delay(3)
    assert sent == [
        ("scans.run", [], {"targets": ["a"]}, {"priority": 9}),
        ("scans.shard", [], {"n": 1}, {"queue": "scans"}),
        ("scans.run", [], {"n": 2}, {}),
        ("scans.run", [3], {}, {}),
    ]
    hardened = make_app("redis://127.0.0.1:1/0", KINDS, profile=Profile.HARDENED, wiring=Wiring(enqueue=enqueue))
    with pytest.raises(TypeError, match="cannot be sent here"):
        hardened.send_task("scans.run")
