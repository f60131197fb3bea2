"""What is asked for when a channel or a route is changed: only what is named changes."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field, SecretStr, model_validator

from watchfloor.capabilities.notifications.schemas.channels import EventGlob, GroupBy, GroupInterval, GroupWait, MailAddress, RepeatInterval
from watchfloor.capabilities.notifications.schemas.message import Part
from watchfloor.capabilities.notifications.schemas.rules import AssetFilter
from watchfloor.capabilities.notifications.schemas.times import DigestPlan
from watchfloor.kernel.contract import Severity

EMPTIED = {"asset_filter", "digest", "group_by", "escalation_id"}  # null takes these away; everything else always has a value


class Change(Part):
    """What becomes of those fields that are named."""

    @model_validator(mode="after")
    def _changes_something(self) -> Change:
        if not self.model_fields_set:
            message = f"name what changes: {', '.join(type(self).model_fields)}"
            raise ValueError(message)
        if empty := sorted(name for name in self.model_fields_set - EMPTIED if getattr(self, name) is None):
            message = f"{', '.join(empty)} cannot be taken away; leave out what stays as it is"
            raise ValueError(message)
        return self


class ChannelChange(Change):
    """A channel's new label, address or headers. Headers of your own go with the address: with a new URL they are given anew."""

    label: Annotated[str, Field(max_length=100)] | None = None
    email: MailAddress | None = None
    url: SecretStr | None = Field(None, max_length=4000)
    token: SecretStr | None = Field(None, max_length=500)
    room: Annotated[str, Field(max_length=100)] | None = None
    headers: Annotated[dict[str, str], Field(max_length=20)] | None = None


class RouteChange(Change):
    """What a route sends where from now on; `asset_filter`, `digest`, `group_by` and `escalation_id` may be null."""

    name: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    events: Annotated[tuple[EventGlob, ...], Field(min_length=1, max_length=50)] | None = None
    min_severity: Severity | None = None
    channels: Annotated[tuple[UUID, ...], Field(min_length=1, max_length=50)] | None = None
    asset_filter: AssetFilter | None = None
    digest: DigestPlan | None = None
    mandatory: bool | None = None
    enabled: bool | None = None
    group_by: GroupBy | None = None
    group_wait: GroupWait | None = None
    group_interval: GroupInterval | None = None
    repeat_interval: RepeatInterval | None = None
    escalation_id: UUID | None = None
