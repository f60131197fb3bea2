"""What an operator can set about advisories: `WATCHFLOOR_ADVISORIES_*`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

SOURCES = ("nvd", "cve-list", "kev", "eu-kev", "euvd", "epss")


class AdvisorySettings(BaseModel):
    """Which sources are asked, how often, and what counts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sources: tuple[str, ...] = Field(SOURCES, description="Sources that are kept up to date, of nvd, cve-list, kev, eu-kev, euvd and epss.")
    optional_sources: tuple[str, ...] = Field((), description="Further sources that may be imported from files: overrides, exploits.")
    nvd_api_key: SecretStr | None = Field(None, description="Key for NVD's API: fifty requests in 30 s instead of five.")
    nvd_url: str = Field("https://nvd.nist.gov/feeds/json/cve/2.0/", description="Where NVD's feeds are, or a mirror of them.")
    nvd_api_url: str = Field("https://services.nvd.nist.gov/rest/json/cves/2.0", description="NVD's API, or something that speaks it.")
    cve_list_url: str = Field(
        "https://api.github.com/repos/CVEProject/cvelistV5/releases", description="The list of releases of the CVE List, or of a mirror."
    )
    cve_list_delta_url: str = Field(
        "https://raw.githubusercontent.com/CVEProject/cvelistV5/main/cves/deltaLog.json", description="The CVE List's log of changes."
    )
    kev_url: str = Field(
        "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json", description="CISA's catalog, or a mirror."
    )
    kev_fallback_url: str = Field(
        "https://raw.githubusercontent.com/cisagov/kev-data/develop/known_exploited_vulnerabilities.json",
        description="Asked when the first address of CISA's catalog does not answer; empty for none.",
    )
    eu_kev_url: str = Field(
        "https://raw.githubusercontent.com/enisaeu/CNW/main/advisories/eukev/eukev.json", description="The EU's catalog, or a mirror."
    )
    euvd_url: str = Field("https://euvdservices.enisa.europa.eu/api/", description="ENISA's API, or a mirror of it.")
    epss_url: str = Field("https://epss.empiricalsecurity.com/", description="Where the daily EPSS file is, or a mirror.")
    allowed_hosts: tuple[str, ...] = Field(
        (), description="Hosts beside those of the addresses above that a source may send us on to, such as a mirror's storage."
    )
    allowed_networks: tuple[str, ...] = Field(
        (), description="Private networks in which a mirror may be, such as 10.1.0.0/16; loopback for tests: 127.0.0.0/8."
    )
    proxy: SecretStr | None = Field(
        None,
        description="Proxy for the sources' own hosts, http:// or https://, with user and password if it wants them; mirrors are asked directly.",
    )
    authorities: Path | None = Field(
        None,
        description="A file of certificates in PEM that are trusted beside those of the system, such as those of a mirror or of the proxy.",
    )
    offline: bool = Field(
        default=False, description="Never ask a source; what is known comes from files and bundles that somebody imports."
    )
    import_dir: Path | None = Field(None, description="Where files to import are looked for; by default import in the data directory.")
    update_every: timedelta = Field(timedelta(hours=2), description="How long a source that was asked is not asked again.")
    nvd_every: timedelta = Field(timedelta(hours=6), description="The same for NVD.")
    euvd_backfill: timedelta = Field(timedelta(days=30), description="How far back EUVD is read when nothing of it is known yet.")
    finding_min_confidence: float = Field(
        0.5, ge=0, le=1, description="Matches at least as sure as this become findings; the others are candidates, shown on request."
    )
    epss_thresholds: tuple[float, ...] = Field((0.1, 0.5), description="EPSS probabilities whose crossing is an event.")
    raw_history: int = Field(5, ge=0, le=100, description="How many earlier versions of a source's document are kept.")
    cache_for: timedelta = Field(
        timedelta(days=14), description="How long refused records, and copies of files whose import never ended, are kept."
    )
    bundle_trusted_keys: tuple[str, ...] = Field(
        (), description="Public keys (Ed25519, base64) whose bundles are imported, beside this installation's own."
    )

    @field_validator("proxy")
    @classmethod
    def _is_proxy(cls, value: SecretStr | None) -> SecretStr | None:
        """Refuse what is no address of a proxy; what it is is never repeated, for it may hold a password."""
        if value is None or not value.get_secret_value():
            return None
        try:
            parts = urlsplit(value.get_secret_value())
            plain = parts.path in {"", "/"} and not parts.query and not parts.fragment
            good = plain and parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            good = False
        if not good:
            raise ValueError("a proxy is http:// or https://, a host and a port, such as http://proxy.example:3128")
        return value

    @property
    def used(self) -> tuple[str, ...]:
        """Return the sources that are used unless an operator says otherwise, those that come from files only among them."""
        return (*self.sources, *self.optional_sources)
