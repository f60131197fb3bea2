"""The services that a channel of kind apprise can speak to: those that take a message as one request over HTTP, and nothing else."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl


@dataclass(frozen=True)
class Service:
    """Where Apprise keeps how a service wants its messages; `hosted`: the address begins with the host of somebody's own server."""

    module: str
    name: str
    hosted: bool = False


# A name below is a decision: read the plugin first. It may ask by POST through `requests` only, open no file, and tell one receiver.
SERVICES: Final[dict[str, Service]] = {
    "discord": Service("discord", "NotifyDiscord"),
    "gchat": Service("google_chat", "NotifyGoogleChat"),
    "gotify": Service("gotify", "NotifyGotify", hosted=True),
    "gotifys": Service("gotify", "NotifyGotify", hosted=True),
    "json": Service("custom_json", "NotifyJSON", hosted=True),
    "jsons": Service("custom_json", "NotifyJSON", hosted=True),
    "mmost": Service("mattermost", "NotifyMattermost", hosted=True),
    "mmosts": Service("mattermost", "NotifyMattermost", hosted=True),
    "ntfy": Service("ntfy", "NotifyNtfy", hosted=True),
    "ntfys": Service("ntfy", "NotifyNtfy", hosted=True),
    "pover": Service("pushover", "NotifyPushover"),
    "tgram": Service("telegram", "NotifyTelegram"),
    "workflows": Service("workflows", "NotifyWorkflows", hosted=True),
}
# Ours to decide, or ways to files and to other methods than POST.
_OURS: Final = {
    "attach", "attachment", "cto", "detect", "emojis", "format", "image", "method", "optional", "overflow", "redirect", "retry", "rto", "store",
    "template", "tz", "verify", "wait",
}  # fmt: skip
_INSTEAD: Final = {
    "mailto": "make a channel of kind email",
    "mailtos": "make a channel of kind email",
    "msteams": "Microsoft took away what msteams:// spoke to; make a workflow in Teams and use workflows://",
    "slack": "make a channel of kind slack",
}
_SCHEME: Final = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.-]{0,30})://", re.ASCII)
_UNSAFE: Final = re.compile("[\x00-\x20\x7f-\xa0\\\\\u2028\u2029]")


def scheme_of(url: str) -> str:
    """Return the scheme of an address in small letters, and nothing when it has none: no other part of it may be shown."""
    found = _SCHEME.match(url)
    return found[1].lower() if found else ""


def service_of(url: str) -> Service:
    """Return the service that an address of Apprise's kind belongs to; ValueError, which shows no secret, for one that is not let through."""
    scheme = scheme_of(url)
    if scheme not in SERVICES:
        known = ", ".join(f"{name}://" for name in SERVICES)
        instead = _INSTEAD.get(scheme, f"there are {known}")
        message = f"{scheme or 'what was given'}:// is no service that messages are sent to: {instead}"
        raise ValueError(message)
    if _UNSAFE.search(url):
        message = f"this {scheme}:// address has blanks, backslashes or control characters in it; write them in percent form"
        raise ValueError(message)
    ours = sorted({name.lower() for name, _ in parse_qsl(url.partition("?")[2], keep_blank_values=True)} & _OURS)
    if ours:
        message = f"this {scheme}:// address sets {', '.join(ours)}, which Watchfloor decides itself; leave it out"
        raise ValueError(message)
    return SERVICES[scheme]


def secrets_in(url: str) -> set[str]:
    """Return what stands where other addresses have user, host and port, unless that is the host of somebody's own server."""
    user, _, host = _authority(url).rpartition("@")
    return {*re.split("[:@]", user), *(() if _names_host(url) else re.split(":", host))}


def shown(url: str) -> str:
    """Return an address without its secrets: the host where it is somebody's own server, otherwise only what sort of service it is."""
    host = _authority(url).rpartition("@")[2]
    return f"{scheme_of(url)}://{host}/…" if _names_host(url) else f"{scheme_of(url)}://…"


def _authority(url: str) -> str:
    return re.split("[/?#]", url.partition("://")[2], maxsplit=1)[0]


def _names_host(url: str) -> bool:
    """Tell whether an address names a server; ntfy's own is left out, and what stands alone is a topic then."""
    scheme, path = scheme_of(url), url.partition("://")[2].partition("?")[0]
    return scheme in SERVICES and SERVICES[scheme].hosted and ("/" in path.rstrip("/") or not scheme.startswith("ntfy"))
