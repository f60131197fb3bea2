"""CPE configurations by others for CVEs that NVD did not analyse."""

from __future__ import annotations

import msgspec

from watchfloor.capabilities.advisories.schemas.records.nvd import Configuration  # noqa: TC001 - msgspec reads annotations when the program runs


class Configured(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Configurations in NVD's shape."""

    configurations: tuple[Configuration, ...] = ()


class Override(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One CVE. Nothing but the product `null` of the vendor `null`, not vulnerable, says that no product is meant."""

    id: str = ""
    cna: str = ""
    reason: str = ""
    cve: Configured = Configured()

    @property
    def suppresses(self) -> bool:
        """Say whether weaker sources are to be ignored and nothing put in their place."""
        matches = [match for one in self.cve.configurations for node in one.nodes for match in node.cpe_match]
        return bool(matches) and all(not one.vulnerable and one.criteria.split(":")[3:5] == ["null", "null"] for one in matches)
