"""Two network namespaces of our own, joined by a veth pair or by the relay; they vanish with the process that made them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.network.built import built

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

INSIDE: Final = "BENCHMARK_NAMESPACE"
ROOT: Final = Path(__file__).resolve().parent.parent.parent
SCANNER, TARGET = "scanner", "target"
QUEUE: Final = "20000"  # packets a TUN device may hold; its default of 500 would lose bursts that no network of ours means to lose


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What befalls packets for one target (its number, None: all): SYNs and RSTs a second that pass, and the ports whose SYNs do."""

    host: int | None = None
    syn_rate: int = 0
    rst_rate: int = 0
    kept: tuple[int, ...] | None = None

    def words(self) -> list[str]:
        """Return it as relay.c reads it."""
        kept = "-" if self.kept is None else ",".join(map(str, self.kept))
        return ["*" if self.host is None else str(self.host), str(self.syn_rate), str(self.rst_rate), kept]


@dataclass(frozen=True, kw_only=True)
class Way:
    """What lies between scanner and targets; no `delay_ms`: a veth pair."""

    delay_ms: float = 0.0
    loss_per_probe: float = 0.0
    rules: tuple[Rule, ...] = field(default=())


def address(host: int, family: int) -> str:
    """Return the address of a target by its number, 1 to 254."""
    return f"10.77.1.{host}" if family == 4 else f"fd77:1::{host:x}"  # noqa: PLR2004 - an IP version


def unavailable() -> str:
    """Return why no namespaces can be made here, or nothing."""
    if sys.platform != "linux":
        return "network namespaces exist on Linux only"
    for tool, package in (("ip", "iproute2"), ("unshare", "util-linux")):
        if shutil.which(tool) is None:
            return f"{tool} is missing: install {package}"
    tried = subprocess.run([*_unshare(), "sh", "-c", "mount -t tmpfs tmpfs /run && ip netns add one && ip netns exec one true"], capture_output=True, text=True, check=False)  # fmt: skip
    return "" if tried.returncode == 0 else f"namespaces cannot be made: {tried.stderr.strip()[-300:] or 'unshare failed'}"


def enter() -> None:
    """Start this program again in namespaces of its own, unless it already runs there."""
    if INSIDE in os.environ:
        # `ip netns` keeps its names below /run; in a mount namespace of our own nobody else sees them, and nothing is left behind.
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
        return
    words = [*_unshare(), sys.executable, *sys.argv]
    os.execvpe(words[0], words, os.environ | {INSIDE: "1"})  # noqa: S606 - ourselves


def _unshare() -> list[str]:
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", *user, "--net", "--mount", "--kill-child", "--fork", "--pid", "--mount-proc"]


def within(space: str, command: Sequence[str]) -> list[str]:
    """Return a command that runs another inside a namespace."""
    return ["ip", "netns", "exec", space, *command]


@contextmanager
def joined(path: Way, *, hosts: int, opened: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Make both sides with listeners on every target; yields a dict that holds the relay's own counts after the end."""
    counts: dict[str, Any] = {}
    with ExitStack() as stack:
        for space in (SCANNER, TARGET):
            stack.callback(_run, "ip", "netns", "delete", space)
            _run("ip", "netns", "add", space)
            _run("ip", "-n", space, "link", "set", "lo", "up")
        if path.delay_ms or path.loss_per_probe or path.rules:
            stack.enter_context(_relay(path, counts))
        else:
            _run("ip", "-n", SCANNER, "link", "add", "near", "type", "veth", "peer", "name", "far", "netns", TARGET)
        _number(hosts)
        stack.enter_context(listening(TARGET, opened))
        yield counts


def _number(hosts: int) -> None:
    """Give both sides their addresses and routes."""
    for space, name, own, other in ((SCANNER, "near", "0", "1"), (TARGET, "far", "1", "0")):
        count = 1 if space == SCANNER else hosts
        lines = [f"link set {name} up txqueuelen {QUEUE}"]
        lines += [f"addr add 10.77.{own}.{number}/32 dev {name}" for number in range(1, count + 1)]
        lines += [f"addr add fd77:{own}::{number:x}/128 dev {name} nodad" for number in range(1, count + 1)]
        # On-link, so that a veth pair asks for each neighbour as a local network does.
        lines += [
            f"route add 10.77.{other}.0/24 dev {name} src 10.77.{own}.1",
            f"-6 route add fd77:{other}::/64 dev {name} src fd77:{own}::1",
        ]
        for line in lines:
            _run("ip", "-n", space, *line.split())


@contextmanager
def _relay(path: Way, counts: dict[str, Any]) -> Iterator[None]:
    loss = 1 - (1 - path.loss_per_probe) ** 0.5  # of a probe and its answer, each lost on its own
    rules = [word for rule in path.rules for word in rule.words()]
    child = subprocess.Popen(
        [
            built("relay.c"), f"/run/netns/{SCANNER}", "near", f"/run/netns/{TARGET}", "far", str(round(path.delay_ms * 500)), str(round(loss * 1e6)),
            str(int.from_bytes(os.urandom(4))), *rules,
        ],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdin is not None  # noqa: S101 - both are pipes
    assert child.stdout is not None  # noqa: S101 - see above
    with child:
        if child.stdout.readline() != "ready\n":
            raise OSError("the relay did not start: see its words above; /dev/net/tun must be there and open to us")
        yield
        child.stdin.close()
        counts |= json.loads(child.stdout.readline() or "{}")


@contextmanager
def listening(space: str, ports: Sequence[int]) -> Iterator[None]:
    """Listen on these ports of every address of a namespace."""
    if not ports:
        yield
        return
    command = within(space, [sys.executable, str(Path(__file__).with_name("listener.py")), ",".join(map(str, ports))])
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin is not None  # noqa: S101 - both are pipes
        assert child.stdout is not None  # noqa: S101 - see above
        if child.stdout.readline() != "ready\n":
            raise OSError("the listeners did not start: see their words above")
        yield
        child.stdin.close()


def _run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"{' '.join(words)}: {done.stderr.strip()}")
