"""What the job ledger adds to the product."""

from watchfloor.kernel.contract import Capability

jobs = Capability(
    name="jobs",
    summary="Jobs, schedules, queues and workers.",
    jobs="selftest",
    routes="api:routes",
    commands="cli.jobs:commands",
    models="models",
)
