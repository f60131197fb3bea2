"""Look at the same doors with nmap -sV."""

from __future__ import annotations

import shutil
import subprocess
import time
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET  # what it reads comes from a program of this machine

from benchmarks.laboratory.answer import Answer, Look

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PATIENCE_S = 600


def look(ports: Mapping[str, Sequence[int]]) -> Look | None:
    """Scan these ports of these addresses, one run for each; None where there is no nmap."""
    if shutil.which("nmap") is None:
        return None
    found = Look(tool="nmap")
    for address, numbers in ports.items():
        command = ["nmap", "-n", "-Pn", "-sT", "-sV", "--version-intensity", "7", "-p", ",".join(map(str, numbers)), "-oX", "-"]
        started = time.monotonic()
        done = subprocess.run([*command, *(["-6"] if ":" in address else []), address], capture_output=True, check=True, timeout=PATIENCE_S)
        found.seconds += time.monotonic() - started
        for port in ET.fromstring(done.stdout).iter("port"):  # noqa: S314 - see above
            found.answers[address, int(port.get("portid", "0"))] = _answer(port)
    return found


def _answer(port: ET.Element) -> Answer:
    service = port.find("service")
    if service is None:
        return Answer()
    # "table" is a guess from the port number alone.
    name = service.get("name", "") if service.get("method") == "probed" else ""
    return Answer(
        service=name,
        product=service.get("product", ""),
        version=service.get("version", ""),
        tls=service.get("tunnel") == "ssl" or name.startswith("ssl/"),
        cpe=" ".join(cpe.text or "" for cpe in service.iter("cpe")),
        evidence=service.get("extrainfo", ""),
    )
