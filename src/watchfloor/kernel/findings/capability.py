"""What findings add to the product."""

from watchfloor.kernel.contract import Capability, DefaultSchedule, EventType, Severity

findings = Capability(
    name="findings",
    summary="What is wrong, where, since when, and what to do.",
    jobs="jobs",
    routes="api:routes",
    commands="cli:commands",
    models="models",
    events=(
        EventType(
            name="finding.opened",
            data="schemas:FindingTold",
            permission="finding.read",
            severity=Severity.MEDIUM,
            description="Something was found wrong for the first time.",
        ),
        EventType(
            name="finding.reopened",
            data="schemas:FindingTold",
            permission="finding.read",
            severity=Severity.MEDIUM,
            description="Something that was fixed, accepted or called false is wrong again.",
        ),
        EventType(
            name="finding.fixed",
            data="schemas:FindingTold",
            permission="finding.read",
            description="A look at the same place did not find it any more.",
        ),
        EventType(
            name="finding.accepted",
            data="schemas:FindingAccepted",
            permission="finding.read",
            description="Somebody accepted a finding's risk until a day.",
        ),
        EventType(
            name="finding.false_positive",
            data="schemas:FindingTold",
            permission="finding.read",
            description="Somebody said that a finding is none.",
        ),
    ),
    schedules=(DefaultSchedule(name="hourly-expiry-of-acceptances", kind="findings.reopen_expired", cron="7 * * * *"),),
)
