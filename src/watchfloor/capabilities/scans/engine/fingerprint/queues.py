"""Recognise message brokers and job queues. Pure."""

from __future__ import annotations

import re

from watchfloor.capabilities.scans.engine.fingerprint.match import ANY, LIKELY, Match, Reader, Said, by_signs, sign, text

V = rb"(?P<v>\d[\w.]{0,24})"


def _amqp(said: Said) -> Match | None:
    data = said.to("amqp")
    if data[:1] == b"\x01" and data[7:11] == b"\0\x0a\0\x0a":
        product, version = _table(data, b"product"), _table(data, b"version")
        if product:
            return Match(name="amqp", product=text(product, 60), version=text(version), evidence=product + b" " + version)
        return Match(name="amqp", evidence=data[:80], confidence=LIKELY)
    other = data if data.startswith(b"AMQP") else said.to("http")
    if other.startswith(b"AMQP"):
        spoken = ".".join(str(one) for one in other[5:8])
        return Match(name="amqp", evidence=f"AMQP protocol {spoken}".encode(), confidence=LIKELY)
    return None


def _table(data: bytes, name: bytes) -> bytes:
    """Return a long string of the server's properties."""
    mark = bytes((len(name),)) + name + b"S"
    place = data.find(mark)
    if place < 0:
        return b""
    start = place + len(mark)
    size = int.from_bytes(data[start : start + 4], "big")
    return data[start + 4 : start + 4 + min(size, 100)]


def _mqtt(said: Said) -> Match | None:
    answer = said.to("mqtt")
    if len(answer) < 4 or answer[:2] != b"\x20\x02":  # noqa: PLR2004 - a CONNACK
        return None
    if answer[3] != 0:
        return Match(name="mqtt", evidence=f"CONNACK {answer[3]}".encode(), confidence=LIKELY)
    told = said.to("mqtt-version") + answer[4:]
    facts = ("no-authentication",)
    known = re.search(rb"\$SYS/broker/version(?:..)?mosquitto version " + V, told, re.DOTALL)
    if known:
        return Match(name="mqtt", product="Mosquitto", version=text(known["v"]), evidence=b"mosquitto version " + known["v"], facts=facts)
    emqx = re.search(rb"\$SYS/brokers/emqx@[^/]{1,100}/version" + V, told)
    if emqx:
        return Match(name="mqtt", product="EMQX", version=text(emqx["v"]), evidence=emqx[0][-60:], facts=facts)
    return Match(name="mqtt", evidence=b"CONNACK 0", confidence=LIKELY, facts=facts)


def _nats(said: Said) -> Match | None:
    for reply in said.replies:
        found = re.match(rb"INFO (\{[^\r\n]{1,4000})", reply.data)
        if not found:
            continue
        version = re.search(rb'"version":"(\d[\w.-]{0,30})"', found[1])
        open_to_all = b'"auth_required":true' not in found[1] and b'"tls_verify":true' not in found[1]
        facts = ("no-authentication",) if open_to_all else ()
        return Match(name="nats", product="NATS Server", version=text(version[1]) if version else "", evidence=found[0][:200], facts=facts)
    return None


def _kafka(said: Said) -> Match | None:
    data = said.to("kafka")
    if len(data) < 14 or data[4:8] != b"\0\0\0\x01":  # noqa: PLR2004 - size, our number, an error code
        return None
    if int.from_bytes(data[:4], "big") > 4092 or data[8:10] not in {b"\0\0", b"\0\x23"}:  # noqa: PLR2004 - what we keep
        return None
    return Match(name="kafka", product="Apache Kafka", evidence=b"ApiVersions answered", confidence=LIKELY)


def _openwire(said: Said) -> Match | None:
    for reply in said.replies:
        if b"\x01ActiveMQ\0\0\0" not in reply.data[:40]:
            continue
        found = re.search(rb"ProviderVersion\x09..(\d[\w.]{0,24})", reply.data, re.DOTALL)
        return Match(
            name="openwire", product="ActiveMQ", version=text(found[1]) if found else "", evidence=b"WireFormatInfo " + (found[1] if found else b""),
        )  # fmt: skip
    return None


def _stomp(said: Said) -> Match | None:
    for probe in ("stomp", "http"):
        data = said.to(probe)
        if not re.match(rb"(?:CONNECTED|ERROR)\n", data):
            continue
        facts = ("no-authentication",) if data.startswith(b"CONNECTED") else ()
        found = re.search(rb"\nserver:(ActiveMQ(?:-Artemis)?|RabbitMQ|[\w -]{1,40})/(\d[\w.]{0,24})", data)
        if found:
            known = {b"ActiveMQ": "ActiveMQ", b"ActiveMQ-Artemis": "ActiveMQ Artemis"}
            # The broker's headers carry its own version, Artemis and ActiveMQ alike.
            return Match(
                name="stomp", product=known.get(found[1], text(found[1])), version=text(found[2]), evidence=found[0].strip(), facts=facts
            )
        return Match(name="stomp", evidence=data[:80], confidence=LIKELY, facts=facts)
    return None


SIGNS = (
    sign(("gearman",), rb"(?:OK )?" + V + rb"(?:\+ds|\+dfsg)?[^\r\n]{0,20}\r?\n\Z", "gearman", "Gearman", "no-authentication"),
    sign(("http", "gearman"), rb"ERR UNKNOWN_COMMAND Unknown\+server\+command", "gearman", "Gearman", "no-authentication"),
    sign(("beanstalkd",), rb"OK \d+\r\n---\n.{0,1500}?\nversion: \"?" + V, "beanstalkd", "beanstalkd", "no-authentication"),
    sign(("http", "beanstalkd"), rb"UNKNOWN_COMMAND\r\n", "beanstalkd", "beanstalkd", "no-authentication", confidence=LIKELY),
    sign(ANY, rb"\xff\0{7}[\0\x01]\x7f", "zmtp", "", confidence=LIKELY),
    sign(("http",), rb"\0\0\0\x0e\0\0\0\x01E_INVALID|\0\0\0.\0\0\0\x01E_BAD_PROTOCOL", "nsq", "NSQ"),
)  # fmt: skip


def _signs(said: Said) -> Match | None:
    return by_signs(said, SIGNS)


READERS: tuple[Reader, ...] = (_amqp, _mqtt, _nats, _kafka, _openwire, _stomp, _signs)
