"""Channels and routes: what is asked for, and what is shown of them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import AfterValidator, AnyUrl, BaseModel, BeforeValidator, Field, SecretStr, ValidationInfo, field_validator, model_validator

from watchfloor.capabilities.notifications.schemas.apprise import service_of
from watchfloor.capabilities.notifications.schemas.message import Part
from watchfloor.capabilities.notifications.schemas.rules import AssetFilter
from watchfloor.capabilities.notifications.schemas.times import DigestPlan
from watchfloor.capabilities.notifications.schemas.wire import ChannelKind
from watchfloor.kernel.contract import Severity


class SigningKind(StrEnum):
    """How webhooks are signed: with a secret that the receiver has too, or with a key whose public half is no secret."""

    V1 = "v1"
    V1A = "v1a"


GLOB: Final = re.compile(r"\*|[a-z0-9_]+\.(?:\*|[a-z0-9_.]+)")
ADDRESS: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,20}")
ADDRESS_CHARACTERS: Final = 254
GATHERED_TWICE: Final = "a route gathers in groups or in digests, not in both: take away digest, or group_by"
MANDATORY_OF_ALL: Final = "a mandatory route tells of every asset: take away asset_filter, or mandatory"


def _text(value: object) -> object:
    """People are named by numbers in some systems."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _address(text: str) -> str:
    """Return one plain mail address, its domain in small letters; a name of another alphabet in its ASCII form."""
    local, at, domain = text.strip().rpartition("@")
    try:
        plain = f"{local}{at}{domain.encode('idna').decode().lower()}" if domain else text
    except UnicodeError:
        plain = ""
    if len(plain) > ADDRESS_CHARACTERS or not ADDRESS.fullmatch(plain) or ".." in local or local.startswith(".") or local.endswith("."):
        message = "is no single mail address such as user@example.org"
        raise ValueError(message)
    return plain


def _glob(text: str) -> str:
    if not GLOB.fullmatch(text):
        message = f"{text[:60]!r} is no event such as scans.finished, scans.* or *"
        raise ValueError(message)
    return text


UserId = Annotated[str, BeforeValidator(_text), Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
MailAddress = Annotated[str, Field(min_length=3, max_length=320), AfterValidator(_address)]
Label = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[^\x00-\x1f\x7f]+$")]
GroupBy = Annotated[
    tuple[Label, ...],
    Field(max_length=5, description="What messages that go out together have in common: asset, type, severity, any fact. Nothing named: all together."),
]  # fmt: skip
GroupWait = Annotated[timedelta, Field(ge=timedelta(), le=timedelta(hours=24), description="How long a group's first message waits.")]
GroupInterval = Annotated[timedelta, Field(ge=timedelta(seconds=10), le=timedelta(days=7), description="How long later ones wait.")]
RepeatInterval = Annotated[
    timedelta,
    Field(ge=timedelta(minutes=5), le=timedelta(days=90), description="When what still holds is said again, unless it is acknowledged."),
]
EventGlob = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_glob)]


class ChannelCreate(Part):
    """A channel to be made. Its address is write-only: what is read back is masked."""

    kind: ChannelKind
    owner: UserId | Literal[""] = Field("", description="Whose channel it is; the organisation's own when empty.")
    label: str = Field("", max_length=100)
    email: MailAddress | None = Field(None, description="email: the address.")
    url: SecretStr | None = Field(
        None,
        description="webhook, slack: where messages are posted; apprise: the address of a service, such as ntfys://…, in Apprise's form.",
        max_length=4000,
    )
    token: SecretStr | None = Field(None, description="slack: a bot's token, instead of a URL.", max_length=500)
    room: str | None = Field(None, description="slack: the channel that the bot writes to.", max_length=100)
    headers: dict[str, str] = Field(default_factory=dict, max_length=20, description="webhook: headers of your own.")

    @model_validator(mode="after")
    def _is_complete(self) -> ChannelCreate:
        given = {name for name in ("email", "url", "token", "room") if getattr(self, name) is not None}
        wanted = {ChannelKind.EMAIL: [{"email"}], ChannelKind.SLACK: [{"url"}, {"token", "room"}]}.get(self.kind, [{"url"}])
        if given not in wanted:
            message = f"a channel of kind {self.kind} takes {' or '.join(' and '.join(sorted(one)) for one in wanted)}"
            raise ValueError(message)
        if self.headers and self.kind is not ChannelKind.WEBHOOK:
            message = "only webhooks take headers"
            raise ValueError(message)
        return self

    @field_validator("url")
    @classmethod
    def _is_a_url(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if value is not None and info.data.get("kind") is ChannelKind.APPRISE:
            service_of(value.get_secret_value())
        elif value is not None:
            AnyUrl(value.get_secret_value())
        return value

    def config(self) -> dict[str, str]:
        """Return what is sealed."""
        told = {
            "to": self.email, "url": self.url.get_secret_value() if self.url else None,
            "token": self.token.get_secret_value() if self.token else None, "channel": self.room,
        }  # fmt: skip
        return {name: value for name, value in told.items() if value} | {f"header {name}": value for name, value in self.headers.items()}


class ChannelView(BaseModel):
    """A channel, its address masked."""

    id: UUID
    kind: ChannelKind
    owner: str
    label: str
    address: str
    state: str
    reason: str | None
    failing_since: datetime | None
    verified_at: datetime | None = Field(None, description="webhook: when its receiver last repeated a challenge.")
    created_by: str
    created_at: datetime
    public_keys: list[str] = Field(default_factory=list, description="webhook: what its receivers check v1a signatures with, newest first.")


class NewChannel(ChannelView):
    """A channel that was just made. Its secret is shown this once."""

    secret: str | None = None


class ChannelSecret(BaseModel):
    """A webhook's new key: of v1 the secret, shown this once; of v1a the public key, and nobody is shown the private one."""

    kind: SigningKind
    secret: str | None = None
    public_key: str | None = None


class VerifyChannel(Part):
    """A webhook whose receiver is to repeat a challenge."""

    channel: UUID


class ChannelVerified(BaseModel):
    """What came of a challenge; `state` is the channel's from then on."""

    channel: UUID
    verified: bool
    state: str
    reason: str
    code: str
    ms: int


class Channels(BaseModel):
    """Channels by owner, kind and age."""

    items: list[ChannelView]


class RouteCreate(Part):
    """Which events go to which channels."""

    name: str = Field(min_length=1, max_length=100)
    owner: UserId | Literal[""] = ""
    events: tuple[EventGlob, ...] = Field(("*",), min_length=1, max_length=50)
    min_severity: Severity = Severity.INFO
    channels: tuple[UUID, ...] = Field(min_length=1, max_length=50)
    asset_filter: AssetFilter | None = Field(None, description="Events about which assets; about any, and about none, without.")
    digest: DigestPlan | None = Field(None, description="Tell all at once at some hour; at once when there is none.")
    mandatory: bool = Field(default=False, description="Told even to who opted out; quiet hours hold it all the same.")
    enabled: bool = True
    group_by: GroupBy | None = None
    group_wait: GroupWait = timedelta(seconds=30)
    group_interval: GroupInterval = timedelta(minutes=5)
    repeat_interval: RepeatInterval = timedelta(hours=24)
    escalation_id: UUID | None = Field(None, description="Who is told next while nobody acknowledges.")

    @model_validator(mode="after")
    def _gathers_once(self) -> RouteCreate:
        if self.digest is not None and self.group_by is not None:
            raise ValueError(GATHERED_TWICE)
        return self

    @model_validator(mode="after")
    def _means_its_filter(self) -> RouteCreate:
        if self.mandatory and self.asset_filter is not None and not self.asset_filter.empty:
            raise ValueError(MANDATORY_OF_ALL)
        return self


class RouteView(BaseModel):
    """A route."""

    id: UUID
    name: str
    owner: str
    events: list[str]
    min_severity: Severity
    channels: list[UUID]
    asset_filter: AssetFilter | None
    digest: DigestPlan | None
    mandatory: bool
    enabled: bool
    group_by: list[str] | None
    group_wait: timedelta
    group_interval: timedelta
    repeat_interval: timedelta
    escalation_id: UUID | None
    created_by: str
    created_at: datetime


class Routes(BaseModel):
    """Routes by owner and name."""

    items: list[RouteView]
