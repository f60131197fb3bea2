"""When people want to be left alone, and when they want to be told all at once."""

from __future__ import annotations

from datetime import time
from enum import StrEnum
from functools import cached_property
from typing import Annotated

from pydantic import Field, field_validator

from watchfloor.capabilities.notifications.schemas.message import Part

LocalTime = Annotated[str, Field(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$", description="A time of day as HH:MM.")]


class Weekday(StrEnum):
    """Days of a week, Monday first."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"

    @property
    def number(self) -> int:
        """Return 0 for Monday up to 6, as dates count."""
        return list(Weekday).index(self)


class QuietWindow(Part):
    """Hours in which nobody is told; `days` are those on which it starts. An end that is not after the start is on the next day."""

    days: tuple[Weekday, ...] = Field(tuple(Weekday), min_length=1, max_length=7)
    start: LocalTime
    end: LocalTime

    @field_validator("end", mode="before")
    @classmethod
    def _midnight(cls, value: object) -> object:
        return "00:00" if value == "24:00" else value

    @cached_property
    def starts(self) -> time:
        """Return the time of day at which it starts."""
        return time.fromisoformat(self.start)

    @cached_property
    def ends(self) -> time:
        """Return the time of day at which it ends."""
        return time.fromisoformat(self.end)

    @cached_property
    def numbers(self) -> frozenset[int]:
        """Return the days on which it starts, 0 for Monday."""
        return frozenset(day.number for day in self.days)


class Mode(StrEnum):
    """How soon a route tells what it hears."""

    IMMEDIATE = "immediate"
    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"


class DigestPlan(Part):
    """When a digest is sent: at each full hour, each day at a time, or each week on a day at a time; all of them local."""

    mode: Mode = Mode.DAILY
    at_local: LocalTime = "08:00"
    weekday: Weekday = Weekday.MON

    @field_validator("mode")
    @classmethod
    def _gathers(cls, value: Mode) -> Mode:
        if value is Mode.IMMEDIATE:
            message = "a digest is hourly, daily or weekly"
            raise ValueError(message)
        return value

    @cached_property
    def at(self) -> time:
        """Return the time of day of daily and weekly digests."""
        return time.fromisoformat(self.at_local)
