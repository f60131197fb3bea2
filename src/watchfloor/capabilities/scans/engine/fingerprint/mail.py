"""Recognise mail servers: SMTP, IMAP, POP3, Sieve and what filters mail. Pure."""

from __future__ import annotations

import re
from dataclasses import replace

from watchfloor.capabilities.scans.engine.fingerprint.match import ANY, LIKELY, Match, Reader, Said, by_signs, revision, sign

V = rb"(?P<v>\d[\w.]{0,24})"
GREETING = ("greeting",)

SMTP = (
    sign(GREETING, rb"220[ -][^\r\n]{0,200}?ESMTP Exim " + V, "smtp", "Exim"),
    sign(GREETING, rb"220[ -][^\r\n]{0,200}?ESMTP Postfix", "smtp", "Postfix"),
    sign(GREETING, rb"220[ -][^\r\n]{0,200}?ESMTP OpenSMTPD", "smtp", "OpenSMTPD"),
    sign(
        GREETING,
        rb"220[ -][^\r\n]{0,200}?E?SMTP Sendmail " + V + rb"(?:/[\w.+~-]{1,60})?(?:/Debian-(?P<r>[\w.+~]{1,60}))?",
        "smtp",
        "Sendmail",
    ),
    sign(GREETING, rb"220[ -][^\r\n]{0,200}?Microsoft ESMTP MAIL Service(?:, Version: " + V + rb")?", "smtp", "Microsoft Exchange"),
    sign(GREETING, rb"220[ -][^\r\n]{0,200}?\(qpsmtpd/?(?P<v>\d[\w.]{0,24})?|220[ -][^\r\n]{0,200}?qpsmtpd", "smtp", "qpsmtpd"),
    sign(GREETING, rb"220[ -][^\r\n]{0,200}?Haraka(?:[ /]" + V + rb")?", "smtp", "Haraka"),
    sign(GREETING, rb"220[ -][^\r\n]{0,200}?\(?(?:[Cc]itadel) (?:server )?v?" + V, "smtp", "Citadel"),
    sign(GREETING, rb"220[ -][^\r\n]{0,200}?Citadel", "smtp", "Citadel"),
    sign(GREETING, rb"220[ -][^\r\n]{0,200}?Python SMTP (?:proxy version )?" + V, "smtp", "aiosmtpd"),
    sign(GREETING, rb"220[ -][^\r\n]{0,200}?MailHog", "smtp", "MailHog"),
    sign(GREETING, rb"220[ -][^\r\n]{0,200}?Mailpit", "smtp", "Mailpit"),
    sign(GREETING, rb"220[ -][^\r\n]{0,200}?hMailServer", "smtp", "hMailServer"),
    sign(GREETING, rb"220[ -][^\r\n]{0,200}?MDaemon " + V, "smtp", "MDaemon"),
    sign(GREETING, rb"220[ -][^\r\n]{0,200}?MailEnable", "smtp", "MailEnable"),
    sign(GREETING, rb"220[ -][^\r\n]{0,200}?Kerio Connect " + V, "smtp", "Kerio Connect"),
    sign(GREETING, rb"220[ -][^\r\n]{0,200}?JAMES SMTP Server(?: " + V + rb")?", "smtp", "Apache James"),
    sign(GREETING, rb"220[ -][^\r\n]{0,200}?DragonFly Mail|220[ -][^\r\n]{0,200}?masqmail(?: " + V + rb")?", "smtp", "masqmail"),
    sign(GREETING, rb"220[ -][^\r\n]{0,200}?Stalwart", "smtp", "Stalwart"),
    sign(("smtp-help",), rb"214[ -][^\r\n]{0,20}This is OpenSMTPD", "smtp", "OpenSMTPD"),
    sign(("smtp-help",), rb"214[ -].{0,200}?qmail", "smtp", "qmail"),
    sign(("smtp-help",), rb"214[ -].{0,300}?sendmail (?:version )?(?P<v>8\.[\w.]{1,20})", "smtp", "Sendmail"),
    sign(("smtp-help",), rb"214[ -].{0,300}?courier-mta", "smtp", "Courier"),
    sign(("smtp-help",), rb"214-Commands supported:\r\n214[ -]AUTH (?:STARTTLS )?HELO EHLO MAIL", "smtp", "Exim", confidence=LIKELY),
    sign(
        ("smtp-help",),
        rb"50[02] 5\.5\.[12] (?:Error: command not recognized|<[^>]{0,40}>: Error|Error: command not)",
        "smtp",
        "Postfix",
        confidence=LIKELY,
    ),
    sign(("smtp-help",), rb"250 Supported commands: AUTH DATA EHLO HELO HELP", "smtp", "aiosmtpd"),
    sign(("ehlo",), rb"250[ -]", "smtp"),
    sign(GREETING, rb"220[ -][^\r\n]{0,200}?\bE?SMTP\b", "smtp"),
    sign(GREETING, rb"(?:220|421|554)[ -][^\r\n]{0,200}?\b(?:E?SMTP|[Mm]ail|postscreen|service (?:not|un)available)", "smtp"),
    sign(GREETING, rb"220[ -][^\r\n]{0,100}?LMTP", "lmtp"),
)

MAILBOXES = (
    sign(
        ("imap-id",), rb"\* ID \(.{0,600}?\"name\" \"Cyrus IMAPD?\".{0,200}?\"version\" \"v?" + V + rb"[^\"]{0,60}\"", "imap", "Cyrus IMAP"
    ),
    sign(("imap-id",), rb"\* ID \(.{0,600}?\"name\" \"Dovecot\"", "imap", "Dovecot"),
    sign(("imap-id",), rb"\* ID \(.{0,600}?\"name\" \"Stalwart[^\"]{0,20}\"(?:.{0,200}?\"version\" \"" + V + rb"\")?", "imap", "Stalwart"),
    sign(("imap-id",), rb"\* ID \(.{0,600}?\"(?:NAME|name)\" \"Zimbra\".{0,200}?\"(?:VERSION|version)\" \"" + V, "imap", "Zimbra"),
    sign(GREETING, rb"\* (?:OK|PREAUTH)[^\r\n]{0,300}?Cyrus IMAP(?:4)? v?" + V, "imap", "Cyrus IMAP"),
    sign(GREETING, rb"\* (?:OK|PREAUTH)[^\r\n]{0,300}?Cyrus IMAP", "imap", "Cyrus IMAP"),
    sign(GREETING, rb"\* (?:OK|PREAUTH)[^\r\n]{0,400}?Dovecot", "imap", "Dovecot"),
    sign(GREETING, rb"\* (?:OK|PREAUTH)[^\r\n]{0,400}?Courier-IMAP", "imap", "Courier-IMAP"),
    sign(GREETING, rb"\* OK[^\r\n]{0,200}?UW IMAP|\* OK[^\r\n]{0,200}?IMAP4rev1 (?P<v>20\d\d[\w.]{0,10}) at ", "imap", "UW IMAP"),
    sign(GREETING, rb"\* OK[^\r\n]{0,200}?(?:Microsoft Exchange|The Microsoft Exchange) ", "imap", "Microsoft Exchange"),
    sign(GREETING, rb"\* OK[^\r\n]{0,200}?Citadel", "imap", "Citadel"),
    sign(GREETING, rb"\* OK[^\r\n]{0,100}?IMAP4rev1 GNU Mailutils", "imap", "GNU Mailutils"),
    sign(GREETING, rb"\* OK[^\r\n]{0,100}?hMailServer|\* OK IMAPrev1\r\n", "imap", "hMailServer"),
    sign(GREETING, rb"\* (?:OK|PREAUTH|BYE)[ \r\n]", "imap"),
    sign(("pop3-capability",), rb"\+OK.{0,1500}?\r\nIMPLEMENTATION Cyrus[ -]POP3[^\r\n]{0,20}?v?" + V, "pop3", "Cyrus IMAP"),
    sign(("pop3-capability",), rb"\+OK.{0,1500}?\r\nIMPLEMENTATION Courier", "pop3", "Courier-IMAP"),
    sign(
        ("pop3-capability",),
        rb"\+OK.{0,1500}?\r\nIMPLEMENTATION (?:GNU[ -]POP3|GNU Mailutils)(?:-| )?(?:pop3d )?(?P<v>\d[\w.]{0,20})?",
        "pop3",
        "GNU Mailutils",
    ),
    sign(("pop3-capability",), rb"\+OK.{0,1500}?\r\nIMPLEMENTATION popa3d", "pop3", "popa3d"),
    sign(("pop3-capability",), rb"\+OK.{0,1500}?\r\nIMPLEMENTATION Qpopper-version-" + V, "pop3", "Qpopper"),
    sign(GREETING, rb"\+OK[^\r\n]{0,100}?Cyrus POP3 v?" + V, "pop3", "Cyrus IMAP"),
    sign(GREETING, rb"\+OK[^\r\n]{0,100}?Dovecot", "pop3", "Dovecot"),
    sign(GREETING, rb"\+OK Hello there\.", "pop3", "Courier-IMAP", confidence=LIKELY),
    sign(GREETING, rb"\+OK[^\r\n]{0,100}?Citadel", "pop3", "Citadel"),
    sign(GREETING, rb"\+OK[^\r\n]{0,100}?Solid POP3", "pop3", "solid-pop3d"),
    sign(GREETING, rb"\+OK[^\r\n]{0,100}?Qpopper[^\r\n]{0,20}? " + V, "pop3", "Qpopper"),
    sign(GREETING, rb"\+OK POP3 Ready ", "pop3", "GNU Mailutils", confidence=LIKELY),
    sign(GREETING, rb"\+OK[ \r\n]", "pop3"),
    sign(GREETING, rb'"IMPLEMENTATION" "Dovecot Pigeonhole"', "sieve", "Dovecot"),
    sign(GREETING, rb'"IMPLEMENTATION" "Cyrus timsieved v?' + V, "sieve", "Cyrus IMAP"),
    sign(GREETING, rb'"IMPLEMENTATION" "[^"\r\n]{0,100}"', "sieve"),
)

FILTERS = (
    sign(ANY, rb"SPAMD/\d\.\d \d{1,3} ", "spamd", "SpamAssassin"),
    sign(ANY, rb"ClamAV (?P<v>\d[\w.]{0,20})", "clamd", "ClamAV", "no-authentication"),
    sign(("http", "clamd"), rb"UNKNOWN COMMAND\n?\0?\Z", "clamd", "ClamAV", "no-authentication", confidence=LIKELY),
    sign(GREETING, rb"200 [^\r\n]{0,80}Citadel server ready|200 [^\r\n]{0,60}Citadel", "citadel", "Citadel"),
)


def _smtp(said: Said) -> Match | None:
    found = by_signs(said, SMTP)
    if found is None or found.name not in {"smtp", "lmtp"}:
        return found
    greeting = said.to("greeting")
    facts = []
    if re.match(rb"250.{0,2000}?STARTTLS", said.to("ehlo"), re.DOTALL):
        facts.append("starttls")
    elif said.to("ehlo").startswith(b"250") and not said.secure:
        facts.append("no-tls")
    name = "lmtp" if b"LMTP" in greeting[:200] else "smtp"
    return replace(
        found,
        name=name,
        evidence=_line(greeting) or found.evidence,
        revision=found.revision or revision(_line(greeting)),
        facts=tuple(facts),
    )


def _mailbox(said: Said) -> Match | None:
    found = by_signs(said, MAILBOXES)
    if found is None:
        return None
    greeting = said.to("greeting")
    offered = said.to("imap-capability") + greeting if found.name == "imap" else said.to("pop3-capability")
    facts = []
    if re.search(rb"\bSTARTTLS\b|\bSTLS\b", offered):
        facts.append("starttls")
    if found.name == "imap" and greeting.startswith(b"* PREAUTH"):
        facts.append("no-authentication")
    evidence = found.evidence if found.version else _line(greeting) or found.evidence
    return replace(found, evidence=evidence, facts=tuple(facts), revision=found.revision or revision(_line(greeting)))


def _filter(said: Said) -> Match | None:
    return by_signs(said, FILTERS)


def _line(data: bytes) -> bytes:
    return data.partition(b"\n")[0].strip()


READERS: tuple[Reader, ...] = (_smtp, _mailbox, _filter)
