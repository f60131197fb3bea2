"""What advisories adds to the product."""

from datetime import timedelta

from watchfloor.kernel.contract import Capability, DefaultSchedule, EventType, Severity

advisories = Capability(
    name="advisories",
    summary="Know what is dangerous today, and which of it you expose.",
    jobs="jobs",
    routes="api:routes",
    commands="cli:commands",
    settings="settings:AdvisorySettings",
    events=(
        EventType(name="advisories.updated", description="Advisories changed: `added`, `changed` and `removed` count them."),
        EventType(
            name="advisories.source_refused",
            severity=Severity.MEDIUM,
            description="A source did not answer, or its answer was refused: `reason`.",
        ),
        EventType(name="advisories.source_recovered", description="A source that had failed answers again."),
        EventType(
            name="advisories.counters_drifted",
            severity=Severity.MEDIUM,
            description="Counters were not what a recount says and were put right: a mistake of ours, please report it.",
        ),
    ),
    schedules=(
        DefaultSchedule(name="update-vulnerabilities", kind="advisories.update_vulnerabilities", every=timedelta(hours=2)),
        DefaultSchedule(name="sync-nvd", kind="advisories.sync_nvd_updates", every=timedelta(hours=6)),
        DefaultSchedule(name="clean-cache", kind="advisories.clean_cache", cron="0 3 * * *"),
        DefaultSchedule(name="update-stats", kind="advisories.update_statistics", every=timedelta(minutes=15)),
        DefaultSchedule(name="reconcile-advisories", kind="advisories.reconcile", cron="0 4 * * 0"),
    ),
)
