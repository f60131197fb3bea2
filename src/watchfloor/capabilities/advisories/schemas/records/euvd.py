"""ENISA's European vulnerability database: its records as its API answers them."""

from __future__ import annotations

import msgspec


class Name(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A vendor's or product's name."""

    name: str = ""


class Product(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A product with the affected versions as text."""

    product: Name = Name()
    product_version: str = ""


class Vendor(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A vendor."""

    vendor: Name = Name()


class EuvdRecord(msgspec.Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """One record. Dates are like `Jul 9, 2026, 3:06:00 PM`, UTC; lists are lines of one text; a base score of -1 means none."""

    id: str = ""
    aliases: str = ""
    assigner: str = ""
    description: str = ""
    date_published: str = ""
    date_updated: str = ""
    exploited_since: str = ""  # there: exploited
    base_score: float | None = None
    base_score_version: str = ""
    base_score_vector: str = ""
    products: tuple[Product, ...] = msgspec.field(default=(), name="enisaIdProduct")
    vendors: tuple[Vendor, ...] = msgspec.field(default=(), name="enisaIdVendor")
