"""What the audit trail adds to the product."""

from watchfloor.kernel.contract import Capability

audit = Capability(name="audit", summary="Who did what, and what was refused.", models="models")
