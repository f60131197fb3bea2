"""What silences, routes and escalations say about whom and what they concern."""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Annotated, Final

from pydantic import Field, model_validator

from watchfloor.capabilities.notifications.schemas.message import Part
from watchfloor.capabilities.notifications.schemas.times import LocalTime, Weekday
from watchfloor.kernel.contract import Severity

STEPS: Final = 20
Glob = Annotated[str, Field(min_length=1, max_length=200, description="A text in which * stands for any characters and ? for one.")]
Tag = Annotated[str, Field(min_length=1, max_length=200)]
UserName = Annotated[str, Field(min_length=1, max_length=200)]


class AssetFilter(Part):
    """Which assets count: any that one of `names` or `tags` fits, all when both are empty; never those that are excluded."""

    names: tuple[Glob, ...] = Field((), max_length=100)
    tags: tuple[Tag, ...] = Field((), max_length=100)
    exclude_names: tuple[Glob, ...] = Field((), max_length=100)
    exclude_tags: tuple[Tag, ...] = Field((), max_length=100)

    @property
    def empty(self) -> bool:
        """Tell whether it says nothing."""
        return not (self.names or self.tags or self.exclude_names or self.exclude_tags)


class Matchers(Part):
    """What a silence silences: each part that says something must fit. To silence everything, say the event `*`."""

    events: tuple[Glob, ...] = Field((), max_length=50)
    severities: tuple[Severity, ...] = Field((), max_length=5)
    assets: AssetFilter = AssetFilter()

    @model_validator(mode="after")
    def _says_something(self) -> Matchers:
        if not (self.events or self.severities) and self.assets.empty:
            message = "a silence that names nothing would silence everything; say events ['*'] when you mean that"
            raise ValueError(message)
        return self


class Rotation(Part):
    """People who take turns, a week each. The first has the week that begins with the first hand-over on or after `since`."""

    users: tuple[UserName, ...] = Field(min_length=1, max_length=100)
    since: date
    weekday: Weekday = Weekday.MON
    at_local: LocalTime = "09:00"
    timezone: str = Field("UTC", min_length=1, max_length=100)

    @property
    def at(self) -> time:
        """Return the time of day at which it is handed over."""
        return time.fromisoformat(self.at_local)


class Step(Part):
    """Whom an escalation tells, this long after it began, unless somebody acknowledged. Pages do not heed quiet hours."""

    after: timedelta = Field(ge=timedelta(), le=timedelta(hours=24))
    users: tuple[UserName, ...] = Field((), max_length=100)
    rotation: Rotation | None = None
    page: bool = False

    @model_validator(mode="after")
    def _tells_somebody(self) -> Step:
        if not self.users and self.rotation is None:
            message = "a step tells users, or whoever a rotation says"
            raise ValueError(message)
        return self


class Escalation(Part):
    """Steps in their order; each is at or after the one before."""

    steps: tuple[Step, ...] = Field(min_length=1, max_length=STEPS)

    @model_validator(mode="after")
    def _goes_on(self) -> Escalation:
        if any(later.after < earlier.after for earlier, later in zip(self.steps, self.steps[1:], strict=False)):
            message = "steps are listed in the order in which they come: `after` never falls"
            raise ValueError(message)
        return self
