"""What scans adds to the product."""

from watchfloor.kernel.contract import Capability, EventType

scans = Capability(
    name="scans",
    summary="Find which services your targets expose.",
    jobs="jobs",
    routes="api:routes",
    commands="cli:commands",
    section="report:section",
    settings="settings:ScanSettings",
    models="models",
    events=(
        EventType(name="scans.finished", description="A scan has ended; `state` says whether everything was looked at."),
        EventType(name="scans.cancelled", description="Somebody stopped a scan."),
    ),
)
