"""What reports adds to the product."""

from watchfloor.kernel.contract import Capability

reports = Capability(name="reports")
