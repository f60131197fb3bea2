"""Debian packages: install them, unpack those that exclude each other, and ask which version is here."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.laboratory.record import Server, Told

SERVICE_BLOCK: Final = Path("/usr/sbin/policy-rc.d")
LAYERS: Final = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "watchfloor-laboratory"
BATCH: Final = 25
OLDER: Final = "/older"  # after a package's name: the newest version before the installed one


def missing(server: Server) -> list[str]:
    """Return the packages a server needs that are neither installed nor unpacked."""
    absent = [name for name in server.packages if not installed(name)]
    return absent + [name for name in server.unpacked if not (LAYERS / name).is_dir()]


@functools.cache
def installed(name: str) -> str:
    """Return the version of an installed package, or nothing."""
    shown = subprocess.run(
        ["dpkg-query", "-W", "-f", "${db:Status-Abbrev} ${Version}", name], capture_output=True, text=True, check=False
    ).stdout
    return shown.split()[1] if shown.startswith("ii") else ""


def install(servers: Iterable[Server]) -> list[str]:
    """Install and unpack what is missing, as root, without starting any service; return what could not be had."""
    servers = list(servers)
    wanted = sorted({name for server in servers for name in server.packages if not installed(name)})
    with _services_blocked():
        for first in range(0, len(wanted), BATCH):
            _install(wanted[first : first + BATCH])
    installed.cache_clear()
    for name in sorted({name for server in servers for name in server.unpacked if not (LAYERS / name).is_dir()}):
        _unpack(name)
    return sorted({name for server in servers for name in missing(server)})


def _install(names: Sequence[str]) -> None:
    """Install a batch; when apt refuses it as a whole, one by one, so that one bad package costs only itself."""
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    if subprocess.run([*command, *names], env=environment, stdout=subprocess.DEVNULL, check=False).returncode and len(names) > 1:
        for name in names:
            _install([name])


class _services_blocked:  # noqa: N801 - reads as a statement
    """While it lasts, packages may not start their services: invoke-rc.d asks this file."""

    def __enter__(self) -> None:
        self.ours = not SERVICE_BLOCK.exists()
        if self.ours:
            SERVICE_BLOCK.write_text("#!/bin/sh\nexit 101\n", encoding="ascii")
            SERVICE_BLOCK.chmod(0o755)

    def __exit__(self, *_: object) -> None:
        if self.ours:
            SERVICE_BLOCK.unlink()


def _unpack(name: str) -> None:
    wanted = _older(name.removesuffix(OLDER)) if name.endswith(OLDER) else name
    if wanted is None:
        return
    work = LAYERS / f".{name.replace('/', '-')}"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        # As nobody's sandbox user apt could not write here, which it only warns about.
        got = subprocess.run(["apt-get", "download", "-qq", wanted], cwd=work, capture_output=True, check=False)
        if got.returncode:
            return
        archive = next(work.glob("*.deb"))
        subprocess.run(["dpkg-deb", "-x", archive, work / "tree"], check=True)
        version = subprocess.run(["dpkg-deb", "-f", archive, "Version"], capture_output=True, text=True, check=True).stdout
        (LAYERS / name).parent.mkdir(exist_ok=True)
        (work / "tree").rename(LAYERS / name)
        (LAYERS / f"{name}.version").write_text(version, encoding="utf-8")
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _older(name: str) -> str | None:
    """Return `name=version` of what the package sources hold besides the newest, or None."""
    lines = subprocess.run(["apt-cache", "madison", name], capture_output=True, text=True, check=False).stdout.splitlines()
    versions = [line.split("|")[1].strip() for line in lines]
    others = [one for one in versions if one != versions[0]]  # newest first
    return f"{name}={others[0]}" if others else None


def version(told: Told) -> str:
    """Return the version that is true on this machine; raises ValueError when the source tells none."""
    if told.package:
        text = installed(told.package) or (LAYERS / f"{told.package}.version").read_text(encoding="utf-8")
        text = text.partition(":")[2] or text
    else:
        done = subprocess.run(told.command, capture_output=True, text=True, check=False, timeout=20)
        text = done.stdout + done.stderr
    found = re.search(told.pattern, text)
    if found is None:
        message = f"{told.package or told.command} tells no version: {text[:200]!r}"
        raise ValueError(message)
    return found[1]


def upstream(name: str) -> str | None:
    """Return a package's version without epoch, repacking marks and revision, or None when it is not here."""
    record = LAYERS / f"{name}.version"
    text = installed(name) or (record.read_text(encoding="utf-8") if record.exists() else "")
    bare = re.split(r"[+~]|-[^-]*$", (text.partition(":")[2] or text).strip())[0]
    return bare or None
