"""What an operator can set: WATCHFLOOR_* from the environment, else from the settings file, else the default; read once at the door."""

from __future__ import annotations

import difflib
import os
import re
import stat
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from watchfloor.kernel.errors import InvalidInput, SetupError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Model = TypeVar("Model", bound=BaseModel)

PREFIX: Final = "WATCHFLOOR_"
FILE: Final = "WATCHFLOOR_SETTINGS_FILE"
# Read by one module alone, for tests of failures; never listed.
INTERNAL: Final = frozenset({FILE, "WATCHFLOOR_FAILPOINT"})
_SECONDS: Final = {"ms": 0.001, "s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|sec|s|min|m|h|d|w)\s*")
_PASSWORD: Final = re.compile(r"(?<=:)[^:/@\s]+(?=@)")


class Profile(StrEnum):
    """A named set of defaults, not a branch in the code."""

    EMBEDDED = "embedded"
    SINGLE_HOST = "single-host"
    HARDENED = "hardened"


def default_data_dir() -> Path:
    """Return where this user's floor keeps its data."""
    if os.geteuid() == 0:
        return Path("/var/lib/watchfloor")
    chosen = os.environ.get("XDG_DATA_HOME", "")
    root = Path(chosen) if os.path.isabs(chosen) else Path.home() / ".local" / "share"  # noqa: PTH117 - "" is not a path
    return root / "watchfloor"


class KernelSettings(BaseModel):
    """What every door needs to know."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    profile: Profile = Field(Profile.EMBEDDED, description="embedded, single-host or hardened: a named set of defaults")
    data_dir: Path = Field(default_factory=default_data_dir, description="where the embedded services, keys and reports live")
    database_url: SecretStr | None = Field(None, description="PostgreSQL >= 15 of your own; without it an embedded one is started")
    database_owner_url: SecretStr | None = Field(
        None, description="login that owns your database, used by `watchfloor migrate` alone; without it database_url is used"
    )
    broker_url: SecretStr | None = Field(
        None, description="redis://, rediss://, valkey:// or amqp:// of your own; without it an embedded Valkey is started"
    )
    kek: SecretStr | None = Field(None, description="key-encryption key, 64 hexadecimal digits; without it kek_file is used")
    kek_file: Path | None = Field(None, description="file with the key-encryption key; by default keys/kek in the data directory")
    pepper: SecretStr | None = Field(None, description="key of stored API keys, 64 hexadecimal digits; without it pepper_file is used")
    pepper_file: Path | None = Field(None, description="file with the key of stored API keys; by default keys/pepper in the data directory")
    default_org: str = Field("default", description="the organisation used where none is named")
    api_host: str = Field("127.0.0.1", description="address the REST API listens on")
    api_port: int = Field(8000, ge=0, le=65535, description="port the REST API listens on")
    worker_concurrency: int = Field(
        default_factory=lambda: max(2, os.cpu_count() or 2), ge=1, le=512, description="jobs one worker runs at a time"
    )
    worker_drain: timedelta = Field(
        timedelta(seconds=60), ge=timedelta(0), description="how long running jobs may go on after SIGTERM before they are handed back"
    )
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="DEBUG, INFO, WARNING or ERROR")

    def kek_path(self) -> Path:
        """Return the file that holds the key-encryption key."""
        return self.kek_file or self.data_dir / "keys" / "kek"

    def pepper_path(self) -> Path:
        """Return the file that holds the key of stored API keys."""
        return self.pepper_file or self.data_dir / "keys" / "pepper"


@cache
def kernel_settings() -> KernelSettings:
    """Return this process's settings; read from the environment at the first call."""
    return read_settings(KernelSettings)


def read_settings(model: type[Model], noun: str = "") -> Model:
    """Return a settings class filled from WATCHFLOOR_[NOUN_]<FIELD>.

    Raises:
        SetupError: A value is not what the field accepts; names the variable and where it was found, never a secret's value.
    """
    found = {name: told for name in model.model_fields if (told := _told(_variable(name, noun))) is not None}
    values: dict[str, Any] = {}
    for name, (text, source) in found.items():
        values[name] = _plain(model, name, text, f"{_variable(name, noun)} ({source})")
        if source != "environment" and _is_secret(model, name):
            _demand_private(Path(source))
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = str(first["loc"][0]) if first["loc"] else "?"
        source = found[name][1] if name in found else "default"
        raise SetupError(f"{_variable(name, noun)} ({source}) is not acceptable: {first['msg']}. {_described(model, name)}") from None


@dataclass(frozen=True)
class Setting:
    """One setting as people read it; the value of a secret is masked."""

    name: str
    value: str
    source: str
    type: str
    description: str


def list_settings(model: type[BaseModel], noun: str = "") -> list[Setting]:
    """Return every setting of a class with its value and where that comes from."""
    filled = read_settings(model, noun)
    listed = []
    for name, field in model.model_fields.items():
        told = _told(_variable(name, noun))
        value = getattr(filled, name)
        listed.append(
            Setting(_variable(name, noun), _shown(value), told[1] if told else "default", _type(field.annotation), field.description or "")
        )
    return listed


def names_of(model: type[BaseModel], noun: str = "") -> set[str]:
    """Return the variables a settings class reads."""
    return {_variable(name, noun) for name in model.model_fields}


def refuse_unknown(known: Iterable[str]) -> None:
    """Raise SetupError for a WATCHFLOOR_* nobody reads: a misspelt setting must not be taken for its default."""
    names = INTERNAL | set(known)
    for name in sorted((set(os.environ) | set(_file()[1])) - names):
        if name.startswith(PREFIX):
            near = difflib.get_close_matches(name, sorted(names), n=1)
            hint = f"did you mean {near[0]}?" if near else "`watchfloor settings` lists those there are."
            raise SetupError(f"{name} is not a setting; {hint}")


def duration(text: str) -> timedelta:
    """Read "90", "90s", "5 min", "1h 30m", "2d" or ISO 8601's "PT1H"; a bare number is seconds.

    Raises:
        InvalidInput: It is none of these.
    """
    plain = text.strip().lower()
    if re.fullmatch(r"\d+(\.\d+)?", plain):
        plain += "s"
    plain = re.sub(r"^pt(?=\d)", "", plain)
    parts = _PART.findall(plain)
    try:
        if parts and not _PART.sub("", plain).strip():
            return timedelta(seconds=sum(float(number) * _SECONDS[unit] for number, unit in parts))
    except OverflowError:
        pass
    raise InvalidInput(f"{text[:40]!r} is not a duration; write 90s, 5m, 2h or 1d")


def mask(url: str) -> str:
    """Return an address without its password."""
    return _PASSWORD.sub("***", url)


def _variable(name: str, noun: str) -> str:
    return f"{PREFIX}{noun.upper()}_{name.upper()}" if noun else f"{PREFIX}{name.upper()}"


def _told(variable: str) -> tuple[str, str] | None:
    """Return a variable's text and its source; an empty one counts as not set, as compose files need it."""
    if text := os.environ.get(variable):
        return text, "environment"
    path, values = _file()
    return (values[variable], str(path)) if values.get(variable) else None


def _file() -> tuple[Path, Mapping[str, str]]:
    named = os.environ.get(FILE)
    home = Path(os.environ.get("WATCHFLOOR_DATA_DIR") or default_data_dir())
    path = Path(named) if named else home / "settings.env"
    return path, _read_file(path, bool(named))


@cache
def _read_file(path: Path, named: bool) -> Mapping[str, str]:  # noqa: FBT001 - private
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
        if not named:
            return {}
        raise SetupError(f"The settings file {path} cannot be read: {error.strerror}. Correct {FILE}.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"The settings file {path} cannot be read: {error}. It holds lines NAME=value in UTF-8.") from error
    values: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        plain = line.strip().removeprefix("export ")
        if not plain or plain.startswith("#"):
            continue
        name, separator, value = plain.partition("=")
        if not separator or not re.fullmatch(r"[A-Z][A-Z0-9_]*", name.strip()):
            raise SetupError(f"Line {number} of the settings file {path} is not NAME=value. Correct it.")
        value = value.strip()
        quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
        values[name.strip()] = value[1:-1] if quoted else value
    return values


def _demand_private(path: Path) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise SetupError(f"{path} holds secrets and is open to other accounts (mode {mode:04o}). Run: chmod 0600 {path}")


def _plain(model: type[BaseModel], name: str, text: str, where: str) -> object:
    annotation = model.model_fields[name].annotation
    if timedelta in (annotation, *get_args(annotation)):
        try:
            return duration(text)
        except InvalidInput as error:
            raise SetupError(f"{where}: {error}.") from None
    if get_origin(annotation) is tuple:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    return text


def _is_secret(model: type[BaseModel], name: str) -> bool:
    annotation = model.model_fields[name].annotation
    return SecretStr in (annotation, *get_args(annotation))


def _described(model: type[BaseModel], name: str) -> str:
    field = model.model_fields.get(name)
    return f"It is: {field.description}" if field and field.description else ""


def _shown(value: object) -> str:
    match value:
        case None:
            return ""
        case SecretStr():
            text = value.get_secret_value()
            return mask(text) if "://" in text and "@" in text else "***"
        case timedelta():
            return f"{value.total_seconds():g}s"
        case tuple():
            return ",".join(map(str, value))
    return str(value)


def _type(annotation: Any) -> str:  # noqa: ANN401 - an annotation
    if get_origin(annotation) is tuple:
        return f"{_type(get_args(annotation)[0])}, separated by commas"
    kinds = [kind for kind in (get_args(annotation) or (annotation,)) if kind is not type(None)]
    known = {SecretStr: "secret", timedelta: "duration", Path: "path", int: "number", float: "number", str: "text", bool: "yes or no"}
    kind = kinds[0]
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return " | ".join(kind)
    return known.get(kind, getattr(kind, "__name__", str(kind)))
