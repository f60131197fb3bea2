"""Judge services: what is wrong, how bad, and what to do about it. Pure; the day is an argument."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.engine.judge import access, certificates, cleartext, exposure, ssh, tls, versions, web
from watchfloor.capabilities.scans.engine.judge.check import Check, Seen, Subject
from watchfloor.capabilities.scans.schemas import CheckView, Problem
from watchfloor.kernel.contract import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from watchfloor.capabilities.scans.schemas import Service

CHECKS: tuple[Check, ...] = (
    *access.CHECKS,
    *cleartext.CHECKS,
    *exposure.CHECKS,
    *tls.CHECKS,
    *ssh.CHECKS,
    *web.CHECKS,
    *versions.CHECKS,
    *certificates.CHECKS,
)
OPT_IN = frozenset(check.id for check in CHECKS if check.intrusive)
PACKAGED = "Installed from a distribution's package, into which fixes are back-ported, so the version alone proves nothing."


def judge(target: str, services: Iterable[Service], today: datetime, *, name: str = "") -> list[Problem]:
    """Return what is wrong with the services of one target, worst first.

    The key is made of target, port and check, never of a version, so that a finding outlives upgrades and scans. `today` is aware of
    its time zone; `name` is the host name that was asked for, where it was one.
    """
    subjects = (Subject(target, name, service, today) for service in services)
    problems = [_problem(subject, check, seen) for subject in subjects for check in CHECKS if (seen := check.sees(subject)) is not None]
    return sorted(problems, key=lambda one: (-one.severity.rank, one.port, one.check))


def key(target: str, port: int, check: str, protocol: str = "tcp") -> str:
    """Return the stable name of a finding."""
    return hashlib.sha256(f"{target}\0{protocol}/{port}\0{check}".encode()).hexdigest()


def _problem(subject: Subject, check: Check, seen: Seen) -> Problem:
    service = subject.service
    packaged = check.version_only and "distribution-package" in service.facts
    evidence = seen.evidence or service.evidence
    return Problem(
        key=key(subject.target, service.port, check.id, service.protocol),
        check=check.id,
        title=seen.title or check.title,
        severity=Severity.INFO if packaged else seen.severity or check.severity,
        target=subject.target,
        port=service.port,
        protocol=service.protocol,
        evidence=f"{evidence} {PACKAGED}" if packaged else evidence,
        remedy=check.remedy,
        description=check.description,
        references=check.references,
        category=check.category.value,
    )


def catalogue() -> list[CheckView]:
    """Return every check for people to read, by id."""
    views = (
        CheckView(
            id=one.id, title=one.title, severity=one.severity, category=one.category.value, description=one.description, needs=one.needs,
            sends=one.sends, remedy=one.remedy, references=one.references, on_by_default=not one.intrusive,
        )
        for one in CHECKS
    )  # fmt: skip
    return sorted(views, key=lambda one: one.id)
