"""Who is to be named where their data is shown, and under which terms it is used."""

from __future__ import annotations

from watchfloor.capabilities.advisories.schemas.words import Source

NOTICES = {
    Source.NVD: "This product uses data from the NVD API but is not endorsed or certified by the NVD.",
    Source.CVE_LIST: "CVE records: CVE Program Terms of Use, © MITRE Corporation. SSVC: CISA, CC0.",
    Source.KEV: "CISA Known Exploited Vulnerabilities Catalog, CC0; CISA does not endorse this product.",
    Source.EU_KEV: "EU Known Exploited Vulnerabilities, EU CSIRTs network and ENISA.",
    Source.EUVD: "European Vulnerability Database, ENISA.",
    Source.EPSS: "EPSS scores by FIRST and Empirical Security, https://www.first.org/epss",
    Source.OVERRIDES: "Overrides of NVD data, CC0.",
    Source.EXPLOITS: "Names of Metasploit modules, Rapid7, BSD-3-Clause.",
}
