"""NVD's CVE record, JSON 2.0: what merging and matching read of it."""

from __future__ import annotations

import msgspec


class Part(msgspec.Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """A part of a record; every member may be missing."""


class Text(Part, frozen=True):
    """A text in a language."""

    lang: str = ""
    value: str = ""


class CveTag(Part, frozen=True):
    """What a source says about the record itself, such as disputed."""

    source_identifier: str = ""
    tags: tuple[str, ...] = ()


class CvssData(Part, frozen=True):
    """A score; v2 has its severity beside it."""

    version: str = ""
    vector_string: str = ""
    base_score: float | None = None
    base_severity: str = ""


class Cvss(Part, frozen=True):
    """A score and who gave it; `type` does not tell: CNAs say Primary too."""

    source: str = ""
    type: str = ""
    cvss_data: CvssData | None = None
    base_severity: str = ""


class Metrics(Part, frozen=True):
    """Scores by version; whatever else stands there is ignored."""

    v40: tuple[Cvss, ...] = msgspec.field(default=(), name="cvssMetricV40")
    v31: tuple[Cvss, ...] = msgspec.field(default=(), name="cvssMetricV31")
    v30: tuple[Cvss, ...] = msgspec.field(default=(), name="cvssMetricV30")
    v2: tuple[Cvss, ...] = msgspec.field(default=(), name="cvssMetricV2")


class Weakness(Part, frozen=True):
    """CWEs, by one source."""

    source: str = ""
    type: str = ""
    description: tuple[Text, ...] = ()


class CpeMatch(Part, frozen=True):
    """One criterion: a CPE name, and the versions it means."""

    criteria: str = ""
    vulnerable: bool = True
    version_start_including: str | None = None
    version_start_excluding: str | None = None
    version_end_including: str | None = None
    version_end_excluding: str | None = None


class Node(Part, frozen=True):
    """Criteria and how they are joined."""

    operator: str = "OR"
    negate: bool = False
    cpe_match: tuple[CpeMatch, ...] = ()


class Configuration(Part, frozen=True):
    """Nodes and how they are joined."""

    operator: str = "OR"
    negate: bool = False
    nodes: tuple[Node, ...] = ()


class Reference(Part, frozen=True):
    """What a reference is; where it leads is in the document."""

    source: str = ""
    tags: tuple[str, ...] = ()


class NvdRecord(Part, frozen=True):
    """One CVE. Times are UTC without saying so."""

    id: str = ""
    source_identifier: str = ""
    published: str = ""
    last_modified: str = ""
    vuln_status: str = ""
    cve_tags: tuple[CveTag, ...] = ()
    descriptions: tuple[Text, ...] = ()
    metrics: Metrics = Metrics()
    weaknesses: tuple[Weakness, ...] = ()
    configurations: tuple[Configuration, ...] = ()
    references: tuple[Reference, ...] = ()
    cisa_exploit_add: str | None = None
    cisa_action_due: str | None = None
    cisa_required_action: str | None = None
    cisa_vulnerability_name: str | None = None
