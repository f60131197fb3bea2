"""What the job ledger adds to the product."""

from watchfloor.kernel.contract import Capability, EventType, Severity

jobs = Capability(
    name="jobs",
    summary="Jobs, schedules, queues and workers.",
    jobs="selftest",
    routes="api:routes",
    commands="cli.jobs:commands",
    models="models",
    events=(
        EventType(
            name="job.failed",
            data="schemas:JobEnded",
            permission="job.read",
            severity=Severity.MEDIUM,
            description="A job was given up; at most one of these for a kind in an hour, none for jobs that notify: `job`, `kind`, `attempts`, `reason`.",
        ),
        EventType(
            name="job.quarantined",
            data="schemas:JobEnded",
            permission="job.read",
            severity=Severity.HIGH,
            description="A job took its worker down again and again and was set aside; at most one for a kind in an hour: `job`, `kind`, `attempts`.",
        ),
        EventType(
            name="schedule.missed",
            data="schemas:ScheduleMissed",
            permission="job.read",
            severity=Severity.MEDIUM,
            description="A schedule could not tick when it should: `schedule`, `name`, `kind`, `missed` instants from `first` to `last`; info when it `runs` late.",
        ),
    ),
)
