"""RabbitMQ for tests: Debian's package, run in private, with its own node name, cookie and port mapper."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tests.servers.server import Server, folder, free_port, serving
from watchfloor.kernel.embedded import process

if TYPE_CHECKING:
    from collections.abc import Iterator

READY_SECONDS = 60.0


def rabbitmq_missing() -> str | None:
    """Return why RabbitMQ cannot run here, or None when it can."""
    if _script() is None:
        return "RabbitMQ is not installed: as root, `./check --install` installs Debian's rabbitmq-server"
    return None


def _script() -> Path | None:
    found = sorted(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin/rabbitmq-server"))
    return found[-1] if found and shutil.which("erl") else None


@contextmanager
def rabbitmq_server() -> Iterator[Server]:
    """Run RabbitMQ on a free loopback port; call `rabbitmq_missing` first."""
    with folder("mq") as home:
        port, mapper = free_port(), free_port()
        environment = _environment(home, f"wf{secrets.token_hex(4)}@localhost", port, mapper)

        def launch() -> subprocess.Popen[bytes]:
            script = _script()
            assert script is not None
            log = home / "rabbitmq.log"
            child = _child([str(script)], environment, log)
            process.wait_until(lambda: _greets(port), child, what="RabbitMQ", log=log, patience_seconds=READY_SECONDS)
            return child

        def halt(child: subprocess.Popen[bytes]) -> None:
            process.stop(child, signal.SIGTERM)

        server = Server(f"amqp://guest:guest@127.0.0.1:{port}//", launch, halt, lambda: shutil.rmtree(home / "mnesia", ignore_errors=True))
        # Our own port mapper: the one Erlang starts by itself would outlive the test.
        epmd = _child(["epmd", "-port", str(mapper), "-address", "127.0.0.1"], environment, home / "epmd.log")
        try:
            with serving(server):
                yield server
        finally:
            process.stop(epmd, signal.SIGTERM)


def _child(argv: list[str], environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as sink:
        return subprocess.Popen(
            argv,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
            preexec_fn=process.death_signal(signal.SIGTERM),  # noqa: PLW1509 - one prctl call
        )


def _environment(home: Path, node: str, port: int, mapper: int) -> dict[str, str]:
    (home / "rabbitmq.conf").write_text(
        f"listeners.tcp.1 = 127.0.0.1:{port}\nloopback_users.guest = true\nlog.console = true\nlog.console.level = warning\ndisk_free_limit.absolute = 50MB\n",
        encoding="ascii",
    )
    (home / "enabled_plugins").write_text("[].\n", encoding="ascii")
    (home / ".erlang.cookie").touch(mode=0o600)
    (home / ".erlang.cookie").write_text(secrets.token_hex(16), encoding="ascii")
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "RABBITMQ_NODENAME": node,
        "RABBITMQ_DIST_PORT": str(free_port()),
        "ERL_EPMD_PORT": str(mapper),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_MNESIA_BASE": str(home / "mnesia"),
        "RABBITMQ_LOG_BASE": str(home / "logs"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "enabled_plugins"),
        "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq.conf"),
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RUNNING_UNDER_SYSTEMD": "1",  # the script then becomes the server instead of watching over it
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}",
    }


def _greets(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=2) as line:
        line.sendall(b"AMQP\x00\x00\x09\x01")
        line.settimeout(2)
        return bool(line.recv(1))
    return False
