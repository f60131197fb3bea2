"""What assets and scope add to the product."""

from watchfloor.kernel.contract import Capability

assets = Capability(name="assets", summary="What we know exists, and what may be looked at.", routes="api:routes", models="models")
