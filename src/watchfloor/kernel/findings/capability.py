"""What findings add to the product."""

from watchfloor.kernel.contract import Capability, EventType, Severity

findings = Capability(
    name="findings",
    summary="What is wrong, where, since when, and what to do.",
    routes="api:routes",
    models="models",
    events=(
        EventType(name="finding.opened", severity=Severity.MEDIUM, description="Something was found wrong for the first time."),
        EventType(name="finding.reopened", severity=Severity.MEDIUM, description="Something that was gone or accepted is wrong again."),
        EventType(name="finding.accepted", description="Somebody accepted a finding's risk."),
        EventType(name="finding.closed", description="A complete look did not find it any more."),
    ),
)
