"""Checks for services that should not be reachable like this: remote administration, debuggers, old file sharing, open resolvers. Pure."""

from __future__ import annotations

from ipaddress import ip_address

from watchfloor.capabilities.scans.engine.judge.check import Category, Check, Seen, Subject, cwe, rfc
from watchfloor.kernel.contract import Severity


def _ssh1(subject: Subject) -> Seen | None:
    return Seen() if subject.service.name == "ssh" and subject.has("ssh-1") else None


def _jdwp(subject: Subject) -> Seen | None:
    return Seen() if subject.service.name == "jdwp" else None


def _rmi(subject: Subject) -> Seen | None:
    return Seen() if subject.service.name in {"rmi", "java-rmi"} else None


def _distcc(subject: Subject) -> Seen | None:
    return Seen() if subject.service.name in {"distcc", "distccd"} else None


def _finger(subject: Subject) -> Seen | None:
    return Seen() if subject.service.name in {"finger", "ident"} else None


def _echo(subject: Subject) -> Seen | None:
    return Seen() if subject.service.name in {"echo", "chargen", "discard", "daytime", "qotd"} else None


def _epmd(subject: Subject) -> Seen | None:
    return Seen() if subject.service.name == "epmd" else None


def _ajp(subject: Subject) -> Seen | None:
    return Seen() if subject.service.name in {"ajp", "ajp13"} else None


def _smb1(subject: Subject) -> Seen | None:
    return Seen() if subject.has("smb1") else None


def _signing(subject: Subject) -> Seen | None:
    return Seen() if subject.has("smb-signing-off") else None


def _nla(subject: Subject) -> Seen | None:
    return Seen() if subject.has("rdp-no-nla") else None


def _recursion(subject: Subject) -> Seen | None:
    """Judge a resolver that resolves for strangers: normal inside a network, abused on public addresses."""
    if not subject.has("recursion"):
        return None
    inside = not ip_address(subject.target).is_global
    return Seen(severity=Severity.INFO if inside else None)


def _community(subject: Subject) -> Seen | None:
    return Seen() if subject.service.name == "snmp" and subject.has("default-community") else None


def _proxy(subject: Subject) -> Seen | None:
    return Seen() if subject.has("open-proxy") else None


def _relay(subject: Subject) -> Seen | None:
    return Seen() if subject.has("open-relay") else None


NAMED = "The name of the service."

CHECKS = (
    Check(
        id="ssh-protocol-1", title="SSH protocol 1 is accepted", severity=Severity.HIGH, category=Category.ENCRYPTION, needs="The greeting of an SSH server.",
        description="Protocol 1 has no protection against changes on the way, and its traffic can be decrypted.",
        remedy="Allow protocol 2 only; protocol 1 can be decrypted.", references=(cwe(327), rfc(4253)), sees=_ssh1,
    ),
    Check(
        id="jdwp", title="A Java debugger is open to anyone", severity=Severity.CRITICAL, category=Category.EXPOSURE, needs="The answer to JDWP's handshake.",
        sends="JDWP's handshake and the question for its version; the program keeps running.",
        description="Whoever reaches a debugger runs any code in the program. There is no sign-in.",
        remedy="Start the program without -agentlib:jdwp, or with address=127.0.0.1.",
        references=(cwe(489), "https://docs.oracle.com/en/java/javase/21/docs/specs/jdwp/jdwp-spec.html"), sees=_jdwp,
    ),
    Check(
        id="java-rmi", title="A Java RMI registry is reachable", severity=Severity.MEDIUM, category=Category.EXPOSURE, needs=NAMED,
        sends="RMI's greeting; nothing is looked up.", description="Registries take serialised objects from strangers, which has led to running their code.",
        remedy="Limit the port to the machines that use it and require TLS with client certificates.",
        references=(cwe(502), "https://docs.oracle.com/en/java/javase/21/rmi/"), sees=_rmi,
    ),
    Check(
        id="distcc", title="distcc compiles for anyone", severity=Severity.HIGH, category=Category.EXPOSURE, needs=NAMED, sends="A job without arguments, which it refuses.",
        description="distcc runs the compiler with arguments that the client chooses, which is close to running any command.",
        remedy="Limit it with `--allow` to the build machines, or run it over SSH.", references=(cwe(306), "https://www.distcc.org/security.html"), sees=_distcc,
    ),
    Check(
        id="account-information", title="Account names are told to anyone", severity=Severity.LOW, category=Category.EXPOSURE, needs=NAMED,
        description="finger and ident tell who is signed in, which helps to guess passwords.", remedy="Turn the service off.",
        references=(cwe(200), rfc(1288)), sees=_finger,
    ),
    Check(
        id="small-services", title="Test services of the early Internet are on", severity=Severity.LOW, category=Category.EXPOSURE, needs=NAMED,
        description="echo, chargen and their like serve nobody and can be played against each other.", remedy="Turn them off in inetd, xinetd or systemd.",
        references=(cwe(406), rfc(862)), sees=_echo,
    ),
    Check(
        id="epmd", title="The Erlang port mapper is reachable", severity=Severity.LOW, category=Category.EXPOSURE, needs=NAMED, sends="The question for names.",
        description="It tells the ports of Erlang's distribution, where whoever knows the cookie runs code.",
        remedy="Bind it to loopback (`ERL_EPMD_ADDRESS`) or limit it to the cluster.",
        references=(cwe(668), "https://www.erlang.org/doc/apps/erts/epmd_cmd.html"), sees=_epmd,
    ),
    Check(
        id="ajp", title="An AJP connector is reachable", severity=Severity.MEDIUM, category=Category.EXPOSURE, needs=NAMED, sends="The ping that web servers send.",
        description="AJP trusts who connects: a client can claim to be any user, and in old versions read files (CVE-2020-1938).",
        remedy="Bind the connector to loopback and set `secretRequired`.",
        references=(cwe(306), "https://tomcat.apache.org/tomcat-10.1-doc/config/ajp.html"), sees=_ajp,
    ),
    Check(
        id="smb-1", title="SMB 1 is on", severity=Severity.HIGH, category=Category.EXPOSURE, needs="The answer to an offer of SMB 1 only.",
        sends="An offer of SMB 1 only; no session is opened.", description="SMB 1 has no protection worth the name and carried WannaCry.",
        remedy="Turn SMB 1 off (`server min protocol = SMB2`; on Windows remove the feature SMB1Protocol).",
        references=(cwe(477), "https://learn.microsoft.com/en-us/windows-server/storage/file-server/troubleshoot/detect-enable-and-disable-smbv1-v2-v3"), sees=_smb1,
    ),
    Check(
        id="smb-signing", title="SMB does not require signing", severity=Severity.MEDIUM, category=Category.CONFIGURATION,
        needs="The security mode in the answer to SMB's first message.", sends="An offer of the dialects of SMB 2 and 3; no session is opened.",
        description="Without it a sign-in can be passed on to another server (relay).",
        remedy="Require signing (`server signing = mandatory`; on Windows RequireSecuritySignature).",
        references=(cwe(345), "https://learn.microsoft.com/en-us/windows-server/storage/file-server/smb-signing-overview"), sees=_signing,
    ),
    Check(
        id="rdp-no-nla", title="Remote desktop without network level authentication", severity=Severity.MEDIUM, category=Category.AUTHENTICATION,
        needs="The protections that a remote desktop offers.", sends="The first message of every client, which asks for them; nobody signs in.",
        description="Without it the sign-in screen, and all code behind it, is open to everybody (BlueKeep, CVE-2019-0708).",
        remedy="Require network level authentication.",
        references=(cwe(287), "https://learn.microsoft.com/en-us/windows-server/remote/remote-desktop-services/clients/remote-desktop-allow-access"), sees=_nla,
    ),
    Check(
        id="dns-recursion", title="A name server resolves for anyone", severity=Severity.MEDIUM, category=Category.CONFIGURATION,
        needs="The answer of a name server to a question for other zones.", sends="One query over TCP for the name servers of the root.",
        description="Open resolvers are used to flood others, and their cache can be probed and poisoned. Inside a network this is what they are for.",
        remedy="Allow recursion for your own networks only (`allow-recursion`, `access-control`).", references=(cwe(406), rfc(5358)), sees=_recursion,
    ),
    Check(
        id="default-snmp-community", title="SNMP answers to the community public", severity=Severity.HIGH, category=Category.AUTHENTICATION,
        needs="A UDP scan with this check asked for.", sends="One SNMP GET of sysDescr with the community public.", intrusive=True,
        description="Whoever knows the factory's word reads interfaces, routes and processes, and sometimes changes them.",
        remedy="Use SNMPv3 with authentication and encryption, or at least other communities and an address list.", references=(cwe(1392), rfc(3414)), sees=_community,
    ),
    Check(
        id="open-proxy", title="An open proxy connects for anyone", severity=Severity.HIGH, category=Category.CONFIGURATION,
        needs="A proxy's answer, with this check asked for.", sends="One CONNECT through the proxy to the proxy's own address and port, never elsewhere.", intrusive=True,
        description="Others reach your inner network, or hide behind your address.", remedy="Allow the proxy from your own networks only and require a sign-in.",
        references=(cwe(441), rfc(9110)), sees=_proxy,
    ),
    Check(
        id="open-relay", title="A mail server relays for anyone", severity=Severity.HIGH, category=Category.CONFIGURATION,
        needs="A mail server's answers, with this check asked for.", sends="MAIL FROM and RCPT TO with names under .invalid, then RSET; no message is sent.", intrusive=True,
        description="Spam is sent in your name, and your address lands on block lists.", remedy="Relay for your own networks and signed-in users only.",
        references=(cwe(441), rfc(5321)), sees=_relay,
    ),
)  # fmt: skip
