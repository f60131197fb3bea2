"""Recognise SSH servers by the line they send first. Pure."""

from __future__ import annotations

import re

from watchfloor.capabilities.scans.engine.fingerprint.match import LIKELY, Match, Reader, Said, revision
from watchfloor.capabilities.scans.engine.text import escape

BANNER = re.compile(rb"(?:[^\n]{0,500}\n){0,10}?SSH-(\d\.\d{1,2})-([^\r\n]{1,200})")
SOFTWARE = (
    (re.compile(r"OpenSSH_for_Windows_(\d[\w.]*)"), "OpenSSH"),
    (re.compile(r"OpenSSH[-_](\d[\w.]*)"), "OpenSSH"),
    (re.compile(r"dropbear(?:_(\d[\w.]*))?"), "Dropbear"),
    (re.compile(r"libssh[-_](\d[\w.]*)"), "libssh"),
    (re.compile(r"tinyssh(?:_(\d{8}))?"), "TinySSH"),
    (re.compile(r"AsyncSSH_(\d[\w.]*)"), "AsyncSSH"),
    (re.compile(r"paramiko_(\d[\w.]*)"), "Paramiko"),
    (re.compile(r"lshd?-(\d[\w.]*)"), "lsh"),
    (re.compile(r"Twisted(?:_(\d[\w.]*))?"), "Twisted Conch"),
    (re.compile(r"mod_sftp(?:/(\d[\w.]*))?"), "ProFTPD mod_sftp"),
    (re.compile(r"(?:APACHE-SSHD|SSHD-CORE|SSHD)-(\d[\w.]*)"), "Apache MINA SSHD"),
    (re.compile(r"wolfSSHv?(\d[\w.]*)"), "wolfSSH"),
    (re.compile(r"Erlang(?:/[\w.]*)?", re.IGNORECASE), "Erlang/OTP SSH"),
    (re.compile(r"[\d.]* ?FlowSsh: Bitvise SSH Server \(WinSSHD\) ?(\d[\w.]*)?"), "Bitvise SSH Server"),
    (re.compile(r"Sun_SSH_(\d[\w.]*)"), "Sun SSH"),
    (re.compile(r"Cisco-(\d[\w.]*)"), "Cisco SSH"),
    (re.compile(r"ROSSSH"), "MikroTik RouterOS SSH"),
    (re.compile(r"RebexSSH_(\d[\w.]*)"), "Rebex SSH"),
    (re.compile(r"GitLab-SSHD"), "GitLab Shell"),
    (re.compile(r"[Tt]eleport"), "Teleport"),
    (re.compile(r"Go\b"), "Go"),
    (re.compile(r"JSCH[-_](\d[\w.]*)"), "JSch"),
)


def _ssh(said: Said) -> Match | None:
    for reply in said.replies:
        found = BANNER.match(reply.data[:2048])
        if found:
            return _software(found)
    return None


def _software(found: re.Match[bytes]) -> Match:
    software = escape(found[2], 200)
    line = b"SSH-" + found[1] + b"-" + found[2]
    facts = ("ssh-1",) if found[1].startswith(b"1.") and found[1] != b"1.99" else ()
    for pattern, product in SOFTWARE:
        known = pattern.match(software)
        if known:
            version = (known[1] or "").rstrip(".") if pattern.groups else ""
            return Match(name="ssh", product=product, version=version, revision=revision(software), evidence=line, facts=facts)
    return Match(name="ssh", product=re.split(r"[-_ /]", software)[0][:60], evidence=line, confidence=LIKELY, facts=facts)


READERS: tuple[Reader, ...] = (_ssh,)
