"""Names of products that people map to others."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from watchfloor.kernel.db.listing import Found

ProductText = Annotated[
    str,
    Field(
        min_length=1, max_length=1000, description="vendor:product, part:vendor:product, or a CPE name.", examples=["apache:http_server"]
    ),
]


class Mapped(BaseModel):
    """A mapping that was made."""

    job: UUID | None = Field(None, description="The job that matches again what this changed; none where nothing changed.")


class AliasChange(BaseModel):
    """That one product is another."""

    model_config = ConfigDict(extra="forbid")

    alias: ProductText
    product: ProductText


class AliasView(BaseModel):
    """A product that stands for another one: their advisories and assets are one."""

    alias: str
    product: str
    alias_cves: int = Field(description="How many advisories use the other name.")
    cves: int = Field(description="How many use the product's own.")


class Aliases(Found[AliasView]):
    """One page of aliases."""


class AliasChanged(AliasView, Mapped):
    """An alias as it is now."""
