"""Names of products that people map: one product's other names, and what the words of a CNA mean."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from watchfloor.kernel.db.listing import Found

MEANINGS_MAX = 20
ProductText = Annotated[
    str,
    Field(
        min_length=1, max_length=1000, description="vendor:product, part:vendor:product, or a CPE name.", examples=["apache:http_server"]
    ),
]


Words = Annotated[str, Field(max_length=300)]


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


class NameChange(BaseModel):
    """What the words of a CNA mean."""

    model_config = ConfigDict(extra="forbid")

    vendor: Words = ""
    product: Annotated[str, Field(min_length=1, max_length=300)]
    means: list[ProductText] = Field(
        min_length=1, max_length=MEANINGS_MAX, description="All that the words mean, in place of what was learned."
    )


class NameView(BaseModel):
    """A meaning of a CNA's words: `used` where matches go by it."""

    vendor: str
    product: str
    means: str
    origin: str = Field(description="manual: somebody said so; learned: from advisories that carry both.")
    support: int = Field(description="In how many advisories the words go with this product.")
    against: int = Field(description="In how many they go with another one.")
    confidence: float | None = Field(description="How sure the meaning is; none where it is not sure enough to be used.")
    used: bool = Field(description="false also where somebody said what the words mean instead.")


class Names(Found[NameView]):
    """One page of meanings."""


class NameChanged(Mapped):
    """What words mean now."""

    items: list[NameView]
