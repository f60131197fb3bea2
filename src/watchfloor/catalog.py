"""The one list of what this product can do."""

from watchfloor.kernel.contract import Catalog

CATALOG = Catalog(
    nouns=("jobs", "tenancy", "assets", "findings", "artifacts", "audit"),
    capabilities=("scans", "advisories", "reports", "notifications"),
)
