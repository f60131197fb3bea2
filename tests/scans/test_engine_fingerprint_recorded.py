"""Facts about recognising real servers: what about a hundred Debian packages said, recorded byte by byte, cut to what tells them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from watchfloor.capabilities.scans.engine.fingerprint import fingerprint
from watchfloor.capabilities.scans.schemas import PortAnswer, Reply, Service, TlsAnswer

RECORDED: list[dict[str, Any]] = json.loads((Path(__file__).parent / "recorded" / "services.json").read_text())


def answer(recorded: dict[str, Any]) -> PortAnswer:
    replies = tuple(Reply(probe=probe, data=base64.b64decode(data)) for probe, data in recorded["replies"])
    started = next((reply.probe.removesuffix("-starttls") for reply in replies if reply.probe.endswith("-starttls")), "")
    secure = TlsAnswer(version="TLSv1.3") if recorded["tls"] or started else None
    return PortAnswer(port=4000, replies=replies, tls=secure, starttls="" if recorded["tls"] else started, looked=True)


def named(one: dict[str, Any]) -> str:
    return f"{one['server']}-{one['door']}"


@pytest.mark.parametrize("recorded", RECORDED, ids=named)
def test_real_server_is_recognised(recorded: dict[str, Any]) -> None:
    found = fingerprint(answer(recorded))
    told = {field: getattr(found, field) for field in ("name", "product", "version", "revision", "cpe")}
    assert told == {field: recorded[field] for field in told}
    assert list(found.facts) == recorded["facts"]
    assert found.evidence.isprintable()


@pytest.mark.parametrize("recorded", RECORDED, ids=named)
def test_no_version_is_told_that_was_not_sent(recorded: dict[str, Any]) -> None:
    found = fingerprint(answer(recorded))
    sent = b"".join(base64.b64decode(data) for _, data in recorded["replies"])
    assert found.version.encode() in sent


@pytest.mark.parametrize("recorded", RECORDED, ids=named)
def test_less_evidence_never_makes_another_version(recorded: dict[str, Any]) -> None:
    whole = answer(recorded)
    version = fingerprint(whole).version
    for count in range(len(whole.replies)):
        part: Service = fingerprint(whole.model_copy(update={"replies": whole.replies[:count]}))
        assert part.version in {"", version} or part.product != fingerprint(whole).product
