"""What organisations and keys add to the product."""

from watchfloor.kernel.contract import Capability

tenancy = Capability(name="tenancy", summary="Organisations, people, roles and API keys.", routes="api:routes", models="models")
