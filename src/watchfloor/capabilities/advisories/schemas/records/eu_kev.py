"""The European catalog of known exploited vulnerabilities, by the network of CSIRTs."""

from __future__ import annotations

import msgspec


class EuKevEntry(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One entry; dates are YYYY/MM/DD."""

    cve_id: str = msgspec.field(default="", name="cveID")
    euvd_id: str = msgspec.field(default="", name="euvdID")
    vendor_project: str = msgspec.field(default="", name="vendorProject")
    product: str = ""
    vulnerability_name: str = msgspec.field(default="", name="vulnerabilityName")
    date_reported: str = msgspec.field(default="", name="dateReported")
    patched_since: str = msgspec.field(default="", name="patchedSince")  # a date, - or tbc
    origin_source: str = msgspec.field(default="", name="originSource")
    short_description: str = msgspec.field(default="", name="shortDescription")
    exploitation_type: str = msgspec.field(default="", name="exploitationType")  # unknown, ransomware, APT
    threat_actors: str = msgspec.field(default="", name="threatActorsExploiting")
    cwes: str = ""
    notes: str = ""
