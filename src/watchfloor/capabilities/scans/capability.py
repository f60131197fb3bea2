"""What scans adds to the product."""

from watchfloor.kernel.contract import Capability, DefaultSchedule, EventType, Severity

scans = Capability(
    name="scans",
    summary="Find which services your targets expose.",
    jobs="jobs",
    routes="api:routes",
    faces="api.faces:routes",
    commands="cli:commands",
    section="report:section",
    settings="settings:ScanSettings",
    models="models",
    events=(
        EventType(
            name="scans.finished",
            data="schemas.events:ScanFinished",
            permission="finding.read",
            description="A scan has ended; `state` says whether everything was looked at.",
        ),
        EventType(
            name="scans.changed",
            data="schemas.events:ScanChanged",
            permission="finding.read",
            description="A scan ended and something is different from the one before of the same targets; with counts.",
        ),
        EventType(
            name="scans.cancelled", data="schemas.events:ScanCancelled", permission="finding.read", description="Somebody stopped a scan."
        ),
        EventType(
            name="scans.unhealthy",
            data="schemas.events:ScansHealth",
            permission="finding.read",
            severity=Severity.MEDIUM,
            description="The hourly check found trouble: `checks` and `sentences` name it.",
        ),
        EventType(
            name="scans.healthy",
            data="schemas.events:ScansHealth",
            permission="finding.read",
            description="The trouble that `scans.unhealthy` told of is over.",
        ),
    ),
    schedules=(
        DefaultSchedule(name="daily-security-scan", kind="scans.daily_security_scan", cron="0 2 * * *"),
        DefaultSchedule(name="hourly-health-check", kind="scans.system_health_check", cron="0 * * * *"),
    ),
)
