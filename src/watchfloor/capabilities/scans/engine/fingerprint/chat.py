"""Recognise where people talk and programs play: IRC, XMPP, SIP, NNTP, MPD and others. Pure."""

from __future__ import annotations

import re

from watchfloor.capabilities.scans.engine.fingerprint.match import ANY, LIKELY, Match, Reader, Said, by_signs, revision, sign, text

V = rb"(?P<v>\d[\w.]{0,24})"
IRC_VERSION = re.compile(rb"\n?:[^ \r\n]{1,100} 004 [^ \r\n]{1,60} [^ \r\n]{1,100} ([^ \r\n]{1,80})")
IRC_RUNNING = re.compile(rb":[^ \r\n]{1,100} 002 [^\r\n]{1,200}?running (?:version )?((?:BitlBee )?[^ \r\n]{1,80})")
IRC_KINDS = (
    (re.compile(rb"ngircd-(\d[\w.~]{0,24})"), "ngIRCd"),
    (re.compile(rb"InspIRCd-(\d{1,2}\.[\w.]{1,24})?"), "InspIRCd"),
    (re.compile(rb"UnrealIRCd?-?(\d[\w.]{0,24})|Unreal(\d[\w.]{0,24})"), "UnrealIRCd"),
    (re.compile(rb"hybrid-?(?:1:)?(\d[\w.]{0,24})|ircd-hybrid-(\d[\w.]{0,24})"), "ircd-hybrid"),
    (re.compile(rb"(?:charybdis-)(\d[\w.]{0,24})"), "Charybdis"),
    (re.compile(rb"solanum-(\d[\w.]{0,24})"), "Solanum"),
    (re.compile(rb"ergo-v?(\d[\w.]{0,24})"), "Ergo"),
    (re.compile(rb"ircd-ratbox-(\d[\w.]{0,24})"), "ircd-ratbox"),
    (re.compile(rb"bahamut-(\d[\w.()]{0,24})"), "Bahamut"),
    (re.compile(rb"plexus-(\d[\w.()]{0,24})"), "Plexus"),
    (re.compile(rb"u(2\.\d\d[\w.]{0,20})"), "ircu"),
    (re.compile(rb"(2\.1[01]\.\d[\w.]{0,10})"), "IRCnet ircd"),
    (re.compile(rb"BitlBee[- ](\d[\w.]{0,24})"), "BitlBee"),
    (re.compile(rb"miniircd-(\d[\w.]{0,24})"), "miniircd"),
)


def _irc(said: Said) -> Match | None:
    told = b"\n".join(reply.data for reply in said.replies if reply.probe in {"irc", "irc-pong", "greeting", "http"})
    for found in (IRC_VERSION.search(told), IRC_RUNNING.search(told)):
        for pattern, product in IRC_KINDS:
            known = pattern.match(found[1]) if found else None
            if known and found:
                version = text(next((one for one in known.groups() if one), b""))
                return Match(name="irc", product=product, version=version, revision=revision(found[1]), evidence=found[0].strip()[:200])
    if b"Oops, HTTP request received? This is IRC!" in told:
        return Match(name="irc", product="ngIRCd", evidence=told.strip()[:120], confidence=LIKELY)
    if re.search(
        rb"(?:^|\n):[\w.*-]{1,100} (?:NOTICE|451|421|433|020|00[1-4]) |(?:^|\n)ERROR :[^\r\n]{0,100}(?:IRC|Closing [Ll]ink)|(?:^|\n)NOTICE (?:AUTH|\*) :",
        told,
    ):
        for mark, product in ((b"BitlBee", "BitlBee"), (b"irc.znc.in", "ZNC"), (b"IRC-Proxy", "ZNC")):
            if mark in told:
                return Match(name="irc", product=product, evidence=told.strip()[:120])
        return Match(name="irc", evidence=told.strip()[:120], confidence=LIKELY)
    return None


def _xmpp(said: Said) -> Match | None:
    told = said.to("xmpp") or said.to("http") or said.to("greeting")
    if b"http://etherx.jabber.org/streams" not in told and b"<stream:" not in told:
        return None
    everything = b" ".join(reply.data for reply in said.replies)
    facts = ("starttls",) if b"<starttls" in told else ()
    for mark, product in (
        (rb"prosody|https://prosody\.im", "Prosody"),
        (rb"ejabberd|http://www\.process-one\.net", "ejabberd"),
        (rb"Openfire|igniterealtime", "Openfire"),
        (rb"jabberd2|http://jabberd\.org", "jabberd2"),
    ):
        if re.search(mark, everything):
            return Match(name="xmpp", product=product, evidence=told[:200], facts=facts)
    # Their words for a host they do not serve, and how they number streams.
    if re.search(rb"This (?:server|host) does not serve ", everything):
        return Match(name="xmpp", product="Prosody", evidence=told[:200], facts=facts, confidence=LIKELY + 1)
    if re.search(rb"<stream:stream id='\d{16,20}' version='1\.0'", everything):
        return Match(name="xmpp", product="ejabberd", evidence=told[:200], facts=facts, confidence=LIKELY + 1)
    return Match(name="xmpp", evidence=told[:200], confidence=LIKELY, facts=facts)


SIP_AGENTS = (
    (re.compile(rb"Asterisk PBX (?:certified/)?(\d[\w.~+-]{0,30})"), "Asterisk"),
    (re.compile(rb"FPBX-[\d.]{1,12}\((\d[\w.]{0,20})\)"), "Asterisk"),
    (re.compile(rb"kamailio \((\d[\w.]{0,20})"), "Kamailio"),
    (re.compile(rb"OpenSIPS \((\d[\w.]{0,20})"), "OpenSIPS"),
    (re.compile(rb"FreeSWITCH[-/]?(?:mod_sofia/)?(\d[\w.]{0,20})?"), "FreeSWITCH"),
    (re.compile(rb"repro (\d[\w.]{0,20})"), "reSIProcate repro"),
    (re.compile(rb"3CXPhoneSystem (\d[\w.]{0,20})"), "3CX"),
)


def _sip(said: Said) -> Match | None:
    told = said.to("sip") or said.to("http")
    if not told.startswith(b"SIP/2.0 "):
        return None
    agent = re.search(rb"\n(?:[Ss]erver|[Uu]ser-[Aa]gent): ([^\r\n]{1,200})", told)
    for pattern, product in SIP_AGENTS:
        found = pattern.match(agent[1]) if agent else None
        if found and agent:
            version = re.sub(r"~dfsg.*|~ds.*", "", text(found[1]))
            return Match(
                name="sip",
                product=product,
                version=version,
                revision="Debian" if "dfsg" in text(found[1]) else "",
                evidence=agent[0].strip(),
            )
    if agent:
        return Match(name="sip", product=text(agent[1], 60), evidence=agent[0].strip(), confidence=LIKELY)
    return Match(name="sip", evidence=told[:80], confidence=LIKELY)


SIGNS = (
    sign(("greeting",), rb"20[01] [^\r\n]{0,200}?InterNetNews [^\r\n]{0,40}?INN (?P<v>\d[\d.]{1,12})", "nntp", "INN"),
    sign(("nntp-capability",), rb"101.{0,800}?IMPLEMENTATION INN (?P<v>\d[\d.]{0,12})", "nntp", "INN"),
    sign(("greeting",), rb"20[01] Leafnode NNTP Daemon, version " + V, "nntp", "Leafnode"),
    sign(("greeting",), rb"20[01] [^\r\n]{0,100}?Dovecot|20[01] [^\r\n]{0,100}?Cyrus NNTP v?" + V, "nntp", "Cyrus IMAP"),
    sign(("greeting",), rb"20[01] [^\r\n]{0,200}?(?:NNTP|NNRP|[Nn]ews)", "nntp", ""),
    sign(("nntp-capability",), rb"101 ", "nntp", ""),
    # The number is that of the protocol: MPD 0.23.12 greets with 0.23.5.
    sign(ANY, rb"OK MPD \d[\d.]{0,12}\n", "mpd", "MPD"),
    # The manager interface has versions of its own.
    sign(("greeting",), rb"Asterisk Call Manager/[\d.]{1,12}\r\n", "ami", "Asterisk"),
    sign(("greeting",), rb"\0\0\0\0..(?:\x08.{3,6})?\x12.(?P<v>\d\.\d[\w.]{0,12})", "mumble", "Mumble", confidence=LIKELY),
    sign(("greeting",), rb"\0\0\0\0.{2}\x08.{2,5}\x12", "mumble", "Mumble"),
    sign(("greeting",), rb"220 [^\r\n]{0,200}? dictd (?P<v>\d[\d.]{0,12})", "dict", "dictd"),
    sign(("greeting",), rb"TS3\r\n|TS3 Client", "teamspeak", "TeamSpeak 3"),
    sign(("greeting",), rb"Welcome to the (?:TinyMUSH|TinyMUD)|DikuMUD", "mud", "", confidence=LIKELY),
)  # fmt: skip


def _signs(said: Said) -> Match | None:
    return by_signs(said, SIGNS)


READERS: tuple[Reader, ...] = (_irc, _xmpp, _sip, _signs)
