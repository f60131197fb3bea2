"""What reports adds to the product."""

from watchfloor.kernel.contract import Capability, EventType

reports = Capability(
    name="reports",
    summary="Write reports about scans, as one HTML or JSON file.",
    jobs="jobs",
    routes="api:routes",
    commands="cli:commands",
    events=(EventType(name="reports.ready", description="A report's files are stored."),),
)
