"""What scans adds to the product."""

from watchfloor.kernel.contract import Capability

scans = Capability(name="scans")
