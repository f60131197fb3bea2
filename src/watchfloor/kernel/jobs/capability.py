"""What jobs adds to the product."""

from watchfloor.kernel.contract import Capability

jobs = Capability(name="jobs", summary="Requests for work, their attempts and their results.", jobs="selftest")
