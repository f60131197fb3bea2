"""What stored files add to the product."""

from watchfloor.kernel.contract import Capability

artifacts = Capability(name="artifacts", summary="Stored files: reports and exports, sealed.", routes="api:routes", models="models")
