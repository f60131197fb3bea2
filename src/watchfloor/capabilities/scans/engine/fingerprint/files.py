"""Recognise file services: FTP, SMB, NFS, rsync, git, Subversion, NBD and what shares files otherwise. Pure."""

from __future__ import annotations

import re
from dataclasses import replace

from watchfloor.capabilities.scans.engine.fingerprint.match import ANY, LIKELY, Match, Reader, Said, by_signs, revision, sign
from watchfloor.capabilities.scans.engine.fingerprint.windows import challenge

V = rb"(?P<v>\d[\w.]{0,24})"
GREETING = ("greeting",)
SIGNING_REQUIRED = 0x02

FTP = (
    sign(GREETING, rb"220[ -][^\r\n]{0,100}?\(vsFTPd " + V + rb"\)", "ftp", "vsftpd"),
    sign(("ftp-status",), rb"211.{0,1500}?vsFTPd " + V, "ftp", "vsftpd"),
    sign(GREETING, rb"220[ -]ProFTPD (?P<v>\d[\w.]{0,20})?", "ftp", "ProFTPD"),
    sign(GREETING, rb"220[ -][^\r\n]{0,100}?ProFTPD(?: Server)?(?: \((?!Debian)[^)]{0,60}\))?", "ftp", "ProFTPD"),
    sign(("ftp-status",), rb"211-Status of .{0,200}?ProFTPD " + V, "ftp", "ProFTPD"),
    sign(GREETING, rb"220[ -][^\r\n]{0,100}?Pure-FTPd", "ftp", "Pure-FTPd"),
    sign(("ftp-help",), rb".{0,300}?Pure-FTPd", "ftp", "Pure-FTPd"),
    sign(GREETING, rb"220[ -][^\r\n]{0,100}?FileZilla Server(?: version)? ?(?P<v>\d[\w.]{0,20})?", "ftp", "FileZilla Server"),
    sign(GREETING, rb"220[ -]Microsoft FTP Service", "ftp", "Microsoft FTP"),
    sign(GREETING, rb"220[ -][^\r\n]{0,60}?pyftpdlib " + V, "ftp", "pyftpdlib"),
    sign(GREETING, rb"220[ -][^\r\n]{0,60}?bftpd " + V, "ftp", "bftpd"),
    sign(GREETING, rb"220[ -][^\r\n]{0,100}?FTP server \(Version wu-" + V, "ftp", "WU-FTPD"),
    sign(GREETING, rb"220[ -][^\r\n]{0,100}?FTP server \(GNU inetutils (?P<v>\d[\d.]{0,10})", "ftp", "GNU inetutils ftpd"),
    sign(GREETING, rb"220[ -][^\r\n]{0,100}?FTP server \(Version 6\.4/OpenBSD/Linux-ftpd-(?P<v>[\d.]{1,10})", "ftp", "Linux-ftpd"),
    sign(GREETING, rb"220[ -][^\r\n]{0,100}?FTP server \(tnftpd (?P<v>\d{8})", "ftp", "tnftpd"),
    sign(GREETING, rb"220[ -]Serv-U FTP Server v" + V, "ftp", "Serv-U"),
    sign(GREETING, rb"220[ -][^\r\n]{0,60}?(?:CrushFTP|CrushFTPd)", "ftp", "CrushFTP"),
    sign(GREETING, rb"220[ -][^\r\n]{0,60}?Gene6 FTP Server v" + V, "ftp", "Gene6 FTP Server"),
    sign(GREETING, rb"220[ -][^\r\n]{0,60}?glFTPd " + V, "ftp", "glFTPd"),
    sign(GREETING, rb"220[ -][^\r\n]{0,60}?Xlight (?:FTP )?Server ?(?P<v>\d[\w.]{0,12})?", "ftp", "Xlight FTP Server"),
    sign(GREETING, rb"220[ -][^\r\n]{0,60}?SFTPGo ?(?P<v>\d[\w.]{0,12})?", "ftp", "SFTPGo"),
    sign(GREETING, rb"220[ -][^\r\n]{0,60}?MikroTik FTP server \(MikroTik " + V, "ftp", "MikroTik RouterOS FTP"),
    sign(GREETING, rb"220[ -][^\r\n]{0,60}?Apache FtpServer", "ftp", "Apache FtpServer"),
    sign(GREETING, rb"220[ -][^\r\n]{0,60}?Twisted (?P<v>\d[\w.]{0,12}) FTP Server", "ftp", "Twisted FTP"),
    sign(GREETING, rb"220[ -][^\r\n]{0,60}?Cerberus FTP Server", "ftp", "Cerberus FTP Server"),
    sign(GREETING, rb"220[ -](?i:.{0,600}?ftp)", "ftp"),
    sign(("ftp-features",), rb"211[ -].{0,1500}?(?:MDTM|REST STREAM|EPRT|UTF8|PASV)", "ftp"),
    sign(("ftp-user",), rb"331 ", "ftp"),
)
# vsftpd under its own greeting text still answers in words of its own.
VSFTPD_WORDS = re.compile(rb"530 Please login with USER and PASS\.|500 OOPS: |331 Please specify the password\.")
PURE_WORDS = re.compile(
    rb"530 You aren't logged in|331 (?:Any password will work|User anonymous OK\. Password required)|230 Anonymous user logged in"
)


def _ftp(said: Said) -> Match | None:
    found = by_signs(said, FTP)
    if found is None:
        return None
    told = said.to("ftp-user") + said.to("ftp-anonymous") + said.to("ftp-features")
    if not found.product and VSFTPD_WORDS.search(told):
        found = replace(found, product="vsftpd", confidence=LIKELY)
    elif not found.product and PURE_WORDS.search(told):
        found = replace(found, product="Pure-FTPd", confidence=LIKELY)
    facts = []
    if said.to("ftp-anonymous").startswith(b"230") or said.to("ftp-user").startswith(b"230"):
        facts.append("anonymous-ftp")
    if not said.secure and re.match(rb"211.{0,1500}?AUTH (?:TLS|SSL)", said.to("ftp-features"), re.DOTALL):
        facts.append("starttls")
    line = said.to("greeting").partition(b"\n")[0].strip()
    return replace(found, evidence=line or found.evidence, revision=revision(line), facts=tuple(facts))


def _smb(said: Said) -> Match | None:
    answer = said.to("smb")
    if answer[4:8] not in {b"\xfeSMB", b"\xffSMB"}:
        return Match(name="netbios-ssn", evidence=answer[:8], confidence=LIKELY) if answer[:4] == b"\x83\0\0\x01" else None
    facts: list[str] = []
    evidence = b"SMB 1 only"
    if answer[4:8] == b"\xfeSMB" and len(answer) >= 4 + 64 + 6:  # frame, header, size, security mode, dialect
        security, dialect = answer[70], int.from_bytes(answer[72:74], "little")
        evidence = f"SMB {dialect >> 8}.{dialect >> 4 & 0xF}.{dialect & 0xF}, signing {'required' if security & SIGNING_REQUIRED else 'not required'}".encode()
        if not security & SIGNING_REQUIRED:
            facts.append("smb-signing-off")
    if any(_speaks_smb_1(said.to(probe)) for probe in ("smb-1", "smb")):
        facts.append("smb1")
    told = challenge(said.to("smb-challenge"))
    if told is None:
        return Match(name="smb", evidence=evidence, confidence=LIKELY, facts=tuple(facts))
    evidence += b", " + told.evidence
    if told.samba:
        # Samba calls itself Windows 6.1 build 0 and hides its own version.
        return Match(name="smb", product="Samba", evidence=evidence, facts=tuple(facts))
    return Match(name="smb", product=told.product, version=told.version, evidence=evidence, facts=tuple(facts))


def _speaks_smb_1(answer: bytes) -> bool:
    """Tell whether a dialect of SMB 1 was chosen: servers without it answer in its form that none is."""
    return answer[4:8] == b"\xffSMB" and len(answer) > 38 and answer[36] > 0 and answer[37:39] != b"\xff\xff"  # noqa: PLR2004 - the index


def _rsync(said: Said) -> Match | None:
    for reply in said.replies:
        found = re.match(rb"@RSYNCD: (\d[\d.]{0,10})", reply.data)
        if found:
            modules = [line for line in said.to("rsync-modules").split(b"\n") if line.strip() and not line.startswith(b"@")]
            listed = b" | ".join(line.strip() for line in modules[:10])
            facts = ("rsync-modules",) if modules and b"@RSYNCD: EXIT" in said.to("rsync-modules") else ()
            # The number is that of the protocol, which many versions share.
            return Match(name="rsync", product="rsync", evidence=found[0] + (b" modules: " + listed if modules else b""), facts=facts)
    return None


def _rpc(said: Said) -> Match | None:
    for probe, name in (("rpcbind", "rpcbind"), ("nfs", "nfs")):
        data = said.to(probe)
        if data[4:12] == b"WF\x10\x01\0\0\0\x01":
            return Match(
                name=name,
                product="rpcbind" if name == "rpcbind" else "",
                evidence=b"RPC reply " + data[12:28].hex().encode(),
                confidence=LIKELY + 1,
            )
    return None


SIGNS = (
    sign(GREETING, rb"\( success \( \d \d \( ", "svn", "Subversion"),
    sign(("git", "http"), rb"[0-9a-f]{4}ERR ", "git", "git"),
    sign(("git",), rb"[0-9a-f]{4}[0-9a-f]{40} ", "git", "git", "no-authentication"),
    sign(ANY, rb"NBDMAGIC(?:IHAVEOPT|\0\0\x42\x02\x81\x86\x12\x53)", "nbd", "NBD Server"),
    sign(ANY, rb"ceph v\d", "ceph", "Ceph"),
    sign(("http",), rb"cvs \[[^\]]{1,40}\]: |cvs-?pserver|error 0 Unknown", "cvs", "CVS", confidence=LIKELY),
    sign(ANY, rb"\0\0\0\x12\0\0\0\0AmuleEC", "amule", "aMule"),
)


def _signs(said: Said) -> Match | None:
    return by_signs(said, SIGNS)


READERS: tuple[Reader, ...] = (_ftp, _smb, _rsync, _rpc, _signs)
