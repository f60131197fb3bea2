"""Write a message as a mail to one person: text and HTML, threaded by subject, with one click to unsubscribe. Pure."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from watchfloor.capabilities.notifications.engine import texts
from watchfloor.kernel.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from email.policy import Policy

    from watchfloor.capabilities.notifications.schemas.message import Message

PACKAGE: Final = "watchfloor.capabilities.notifications.engine"
MOST_BYTES: Final = 200_000
_LOCAL: Final = re.compile(r"[^\x00-\x20\x7f-\xa0\"(),:;<>@\[\\\]\u2000-\u206f\u3000\ufeff]{1,64}")
_DOMAIN: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?){0,20}", re.ASCII)
_LONGEST_ADDRESS: Final = 254
_BREAKS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]|=\?")
# A mail's lines have at most 998 characters (RFC 5322, 2.1.1), and that with the link cannot be folded.
LONGEST_PAGE: Final = 998 - len("List-Unsubscribe: <>")
_SAFE: Final = re.compile(r"https://|http://(?:localhost|127\.0\.0\.1|\[::1\])[:/]")


class _Unfolded(UnstructuredHeader, BaseHeader):
    """A header of one line: the library turns a long link or id into an encoded word, which nobody reads there."""

    def fold(self, *, policy: Policy[Any]) -> str:
        """Return the header as it is."""
        return f"{self.name}: {self}{policy.linesep}"


_HEADERS: Final = HeaderRegistry()
for _name in ("list-unsubscribe", "list-id", "in-reply-to", "references"):
    _HEADERS.map_to_type(_name, _Unfolded)


@dataclass(frozen=True)
class _Room:
    """How much of a message there is room for: lines, the longest of them, and items of a digest."""

    lines: int
    longest: int
    items: int


_ROOMS: Final = (_Room(60, texts.LINE, 50), _Room(20, 1000, 50), _Room(5, 300, 20))


@dataclass(frozen=True, kw_only=True)
class Mail:
    """What a mail has beside its message.

    `sender` may have a name: Watchfloor <watchfloor@example.org>. `thread` groups mails about one thing; without one the message's subject
    does. `unsubscribe` and `acknowledge` are addresses that act on POST, https or on this machine; `reason` says why this person gets the mail.
    """

    sender: str
    to: str
    idem: bytes
    at: datetime
    thread: str = ""
    unsubscribe: str = ""
    acknowledge: str = ""
    reason: str = ""


def mailbox(text: str) -> Address:
    """Read one address, with or without a name before it; its domain in ASCII form.

    Raises:
        InvalidInput: It is not one address, or holds what could end a header or pretend to be another.
    """
    if _BREAKS.search(text):
        raise InvalidInput(f"{text[:100]!a} cannot be written into a mail's header: it holds control characters or encoded words")
    plain = text.strip()
    name, angle, rest = plain.rpartition("<")
    spec = rest.removesuffix(">") if angle and rest.endswith(">") else plain
    local, _, domain = spec.rpartition("@")
    if "@" in name or not _LOCAL.fullmatch(local) or local.startswith(".") or local.endswith(".") or ".." in local:
        raise InvalidInput(f"{text[:100]!a} is no single mail address such as user@example.org")
    try:
        ascii_domain = domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        ascii_domain = ""
    if not _DOMAIN.fullmatch(ascii_domain) or len(local.encode()) + len(ascii_domain) + 1 > _LONGEST_ADDRESS:
        raise InvalidInput(f"{text[:100]!a} is no mail address: there is no such domain as {domain[:60]!a}")
    return Address(display_name=name.strip().strip('"').strip(), username=local, domain=ascii_domain)


def to_email(message: Message, mail: Mail, items: Sequence[Message] = ()) -> bytes:
    """Return the whole mail, its lines ended as SMTP wants them; the same bytes for the same arguments.

    Raises:
        InvalidInput: An address or a link cannot be written into a header.
    """
    sender, to = mailbox(mail.sender), mailbox(mail.to)
    ascii_only = (sender.addr_spec + to.addr_spec).isascii()
    found = EmailMessage(policy=(SMTP if ascii_only else SMTPUTF8).clone(header_factory=_HEADERS))
    found["From"], found["To"] = sender, to
    found["Subject"] = _inert(texts.subject(message))
    found["Date"] = format_datetime(mail.at.astimezone(UTC))
    found["Message-ID"] = f"<{mail.idem.hex()[:40]}@{sender.domain}>"
    if thread := mail.thread or (message.subject_id and f"{message.subject_kind}:{message.subject_id}"):
        root = f"<thread.{hashlib.sha256(thread.encode('utf-8', 'replace')).hexdigest()[:40]}@{sender.domain}>"
        found["In-Reply-To"], found["References"] = root, root
    found["Auto-Submitted"] = "auto-generated"
    found["X-Auto-Response-Suppress"] = "All"
    found["List-Id"] = f"<notifications.{sender.domain}>"
    if mail.unsubscribe:
        found["List-Unsubscribe"] = f"<{_page(mail.unsubscribe)}>"
        found["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    found["X-Watchfloor-Event"] = _inert(texts.line(message.type, 100))
    found["X-Watchfloor-Severity"] = str(message.severity)
    made = b""
    for room in _ROOMS:
        made = _filled(found, _shown(message, mail, items, room), mail.idem)
        if len(made) <= MOST_BYTES:
            break
    return made


def _filled(found: EmailMessage, shown: dict[str, object], idem: bytes) -> bytes:
    """Return a mail with these headers and what is shown, twice: as text and as HTML."""
    found.clear_content()
    found.set_content(_template("mail.txt").render(shown), cte="quoted-printable")
    found.add_alternative(_template("mail.html").render(shown), subtype="html", cte="quoted-printable")
    found.set_boundary(hashlib.sha256(b"boundary" + idem).hexdigest()[:40])  # the library's own is random
    return found.as_bytes()


def _shown(message: Message, mail: Mail, items: Sequence[Message], room: _Room) -> dict[str, object]:
    listed = items[: room.items]
    return {
        "severity": str(message.severity),
        "title": texts.line(message.title) or texts.line(message.type),
        "asset": texts.line(message.asset),
        "type": texts.line(message.type, 100),
        "lines": texts.lines(message, room.lines, room.longest),
        "facts": texts.facts(message, room.lines, min(500, room.longest)),
        "link": texts.web(message.link),
        "at": message.occurred_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "items": [
            (str(one.severity), texts.line(one.title, 120) or texts.line(one.type), texts.line(one.asset, 60), texts.web(one.link)[:500])
            for one in listed
        ],
        "count": len(items),
        "left_out": len(items) - len(listed),
        "reason": texts.line(mail.reason, 300),
        "unsubscribe": mail.unsubscribe,
        "acknowledge": _page(mail.acknowledge) if mail.acknowledge else "",
    }


def _inert(text: str) -> str:
    """Return text that is no encoded word, which a reader's program would turn into something else."""
    return text.replace("=?", "= ?")


def _page(link: str) -> str:
    if not _SAFE.match(link) or texts.web(link) != link or len(link) > LONGEST_PAGE:
        raise InvalidInput(
            "the address to unsubscribe must begin with https://, have at most 978 characters and hold nothing that ends a header"
        )
    return link


@cache
def _template(name: str) -> Template:
    found = Environment(
        loader=PackageLoader(PACKAGE), autoescape=name.endswith(".html"), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )  # fmt: skip
    return found.get_template(name)
