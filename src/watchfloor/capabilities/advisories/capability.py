"""What advisories adds to the product."""

from watchfloor.kernel.contract import Capability, DefaultSchedule, EventType, Severity

advisories = Capability(
    name="advisories",
    summary="Know what is dangerous today, and which of it you expose.",
    jobs="jobs",
    settings="settings:AdvisorySettings",
    events=(
        EventType(name="advisories.changed", description="Advisories that match your assets changed; `changes` says which and how."),
        EventType(
            name="advisories.source_refused",
            severity=Severity.MEDIUM,
            description="A source's answer was refused; nothing of it was taken.",
        ),
        EventType(name="advisories.source_recovered", description="A source that had failed answers again."),
    ),
    schedules=(DefaultSchedule(name="clean-cache", kind="advisories.clean_cache", cron="0 3 * * *"),),
)
