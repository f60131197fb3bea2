"""The CVE Program's record, JSON 5.0 to 5.2, with what authorised data publishers such as CISA add."""

from __future__ import annotations

from typing import Any

import msgspec

from watchfloor.capabilities.advisories.schemas.records.nvd import Configuration, CvssData, Part, Text


class Metadata(Part, frozen=True):
    """Whose record it is and whether it stands."""

    cve_id: str = ""
    state: str = ""
    assigner_org_id: str = ""
    assigner_short_name: str = ""
    date_published: str | None = None
    date_updated: str | None = None
    date_rejected: str | None = None
    date_reserved: str | None = None


class Provider(Part, frozen=True):
    """Who filled a container."""

    org_id: str = ""
    short_name: str = ""
    date_updated: str | None = None


class Change(Part, frozen=True):
    """From which version on a status changes."""

    at: str = ""
    status: str = ""


class Version(Part, frozen=True):
    """A version or a range of them; `version_type` holds whatever people wrote."""

    version: str = ""
    status: str = ""
    version_type: str | None = None
    less_than: str | None = None
    less_than_or_equal: str | None = None
    changes: tuple[Change, ...] = ()


class Affected(Part, frozen=True):
    """A product, and which versions of it are affected."""

    vendor: str = ""
    product: str = ""
    package_name: str | None = None
    collection_url: str | None = msgspec.field(default=None, name="collectionURL")
    package_url: str | None = msgspec.field(default=None, name="packageURL")
    cpes: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    default_status: str = ""
    versions: tuple[Version, ...] = ()


class Other(Part, frozen=True):
    """A metric of another sort: SSVC, KEV, or a vendor's own; `content` is plain JSON of any shape."""

    type: str = ""
    content: Any = None


class Metric(Part, frozen=True):
    """One CVSS score or another metric."""

    cvss_v4: CvssData | None = msgspec.field(default=None, name="cvssV4_0")
    cvss_v31: CvssData | None = msgspec.field(default=None, name="cvssV3_1")
    cvss_v30: CvssData | None = msgspec.field(default=None, name="cvssV3_0")
    cvss_v2: CvssData | None = msgspec.field(default=None, name="cvssV2_0")
    other: Other | None = None


class Problem(Part, frozen=True):
    """One description of a weakness."""

    lang: str = ""
    description: str = ""
    cwe_id: str | None = None


class ProblemType(Part, frozen=True):
    """A weakness in words and as CWE."""

    descriptions: tuple[Problem, ...] = ()


class Reference(Part, frozen=True):
    """What a reference is; where it leads is in the document."""

    tags: tuple[str, ...] = ()


class Container(Part, frozen=True):
    """What one provider says: the CNA, or an authorised data publisher."""

    provider_metadata: Provider = Provider()
    title: str | None = None
    descriptions: tuple[Text, ...] = ()
    affected: tuple[Affected, ...] = ()
    cpe_applicability: tuple[Configuration, ...] = ()
    metrics: tuple[Metric, ...] = ()
    problem_types: tuple[ProblemType, ...] = ()
    references: tuple[Reference, ...] = ()
    tags: tuple[str, ...] = ()
    rejected_reasons: tuple[Text, ...] = ()
    replaced_by: tuple[str, ...] = ()
    date_public: str | None = None


class Containers(Part, frozen=True):
    """All that is said about one CVE."""

    cna: Container = Container()
    adp: tuple[Container, ...] = ()


class CveRecord(Part, frozen=True):
    """One CVE."""

    data_version: str = ""
    cve_metadata: Metadata = Metadata()
    containers: Containers = Containers()
