"""Read what people wrote as targets and exclusions: addresses, networks, ranges, names and tags; counted, never enumerated. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address, ip_network
from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.engine import scope as allowing
from watchfloor.capabilities.scans.engine.ranges import Span, intersect, merge, span
from watchfloor.capabilities.scans.schemas import ADDRESSES_MAX, TARGETS_MAX
from watchfloor.kernel.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence

LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)\Z")
# Characters that IDNA 2003 and IDNA 2008 turn into different names: we do not guess which one was meant.
DEVIATING = re.compile("[\u00df\u03c2\u200c\u200d]")
TAG = "tag:"
TAG_MAX = 200
SHOWN = 60


@dataclass(frozen=True)
class Tag:
    """All assets that have it."""

    name: str


@dataclass(frozen=True)
class Targets:
    """Addresses as merged spans, names still to be resolved, tags of assets still to be looked up."""

    spans: tuple[Span, ...]
    names: tuple[str, ...]
    tags: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Return the number of addresses, at least one for each name."""
        return sum(one.size for one in self.spans) + len(self.names)


def parse_targets(targets: Sequence[str]) -> Targets:
    """Return addresses, names and tags, without duplicates; raises InvalidInput with the place of the first bad one."""
    if not targets:
        raise InvalidInput("There is no target. Give at least one address, host name or network such as 192.168.1.0/24.", field="/targets")
    return _parse(targets, "/targets", "Target")


def parse_exclusions(targets: Sequence[str]) -> Targets:
    """Return what is to be left out, of the same forms except tags; raises InvalidInput with the place of the first bad one."""
    found = _parse(targets, "/exclude", "Exclusion")
    if found.tags:
        raise InvalidInput("Assets cannot be excluded by their tag. Name their addresses, networks or names.", field="/exclude")
    return found


def _parse(targets: Sequence[str], field: str, what: str) -> Targets:
    if len(targets) > TARGETS_MAX:
        raise InvalidInput(f"{len(targets):,} targets are more than the {TARGETS_MAX:,} of one scan. Write networks as CIDR.", field=field)
    found: list[Span] = []
    names: dict[str, None] = {}
    tags: dict[str, None] = {}
    for place, text in enumerate(targets):
        try:
            one = parse_target(text)
        except ValueError as wrong:
            shown = text if len(text) <= SHOWN else text[:SHOWN] + "…"
            raise InvalidInput(f"{what} {shown!a} {wrong}", field=f"{field}/{place}") from None
        if isinstance(one, Span):
            found.append(one)
        elif isinstance(one, Tag):
            tags[one.name] = None
        else:
            names[one] = None
    return Targets(tuple(merge(found)), tuple(names), tuple(tags))


def demand_size(targets: Targets) -> None:
    """Raise InvalidInput when these are more addresses than one scan may have."""
    if targets.size > ADDRESSES_MAX:
        raise InvalidInput(
            f"These targets are {targets.size:,} addresses; one scan may have {ADDRESSES_MAX:,} (an IPv4 /16). Split them.",
            field="/targets",
        )


def parse_target(text: str) -> Span | str | Tag:
    """Return one target as a span, a tag or, in ASCII and lower case, a name; raises ValueError with the rest of a sentence."""
    stripped = text.strip()
    if not stripped:
        raise ValueError("is empty. Give an address, host name or CIDR network.")
    if stripped.startswith(TAG):
        return _tag(stripped.removeprefix(TAG).strip())
    if "://" in stripped:
        raise ValueError("is a URL. Give the host alone, without scheme and path.")
    if "%" in stripped:
        raise ValueError("has a zone id. Link-local addresses with a zone cannot be scanned; give a global or private address.")
    if "/" in stripped:
        return _network(stripped)
    if "-" in stripped and (found := _range(stripped)):
        return found
    if stripped.startswith("[") and stripped.endswith("]"):
        stripped = stripped[1:-1]
    try:
        return span(allowing.unwrap(ip_address(stripped)))
    except ValueError:
        return _name(stripped)


def _tag(name: str) -> Tag:
    if not name or len(name) > TAG_MAX or "," in name or not name.isprintable():
        raise ValueError("names no tag. Write tag:web for all assets that have the tag web.")
    return Tag(name)


def _network(text: str) -> Span:
    address, _, length = text.partition("/")
    if not (length.isascii() and length.isdigit()) or (len(length) > 1 and length[0] == "0"):
        raise ValueError("has no prefix length after the slash. Write a network as 192.168.1.0/24 or 2001:db8::/64.")
    try:
        found = span(ip_network(text, strict=False))
    except ValueError:
        kind = "an IPv6 network has 0 to 128" if ":" in address else "an IPv4 network has 0 to 32"
        raise ValueError(f"is not a network: check the address, and that {kind} after the slash.") from None
    if found.size == 1:
        return span(allowing.unwrap(found.at(0)))
    if found.version == 6 and intersect([found], allowing.WRAPPED) == [found]:  # noqa: PLR2004 - an IP version
        raise ValueError("is IPv4 written as IPv6. Write the IPv4 network itself.")
    return found


def _range(text: str) -> Span | None:
    """Return `192.168.1.10-20` or `first-last`, or None where no address stands before the hyphen: a name may have one too."""
    left, _, right = (part.strip(" []") for part in text.partition("-"))
    try:
        first = ip_address(left)
    except ValueError:
        return None
    octet = isinstance(first, IPv4Address) and right.isascii() and right.isdigit() and len(right) <= 3  # noqa: PLR2004 - digits of 255
    try:
        last = ip_address(f"{left.rpartition('.')[0]}.{right}" if octet else right)
    except ValueError:
        raise ValueError("is not a range. Write 192.168.1.10-20, 192.168.1.10-192.168.2.3 or 2001:db8::1-2001:db8::ff.") from None
    if first.version != last.version:
        raise ValueError("is a range from one IP version to the other. Write one range for each.")
    if int(last) < int(first):
        raise ValueError(f"ends before it starts. Write {last}-{first}.")
    found = Span(first.version, int(first), int(last))
    if intersect([found], allowing.WRAPPED) not in ([], [span(ip_address("::1"))]):
        raise ValueError("has IPv4 addresses written as IPv6. Write the IPv4 range itself.")
    return found


def _name(text: str) -> str:
    name = _ascii(text).lower().removesuffix(".")
    labels = name.split(".")
    last = labels[-1]
    if ":" in name:
        _refuse_colon(name)
    if last.isdigit() or re.fullmatch(r"0x[0-9a-f]*", last):
        raise ValueError(f"is not an IPv4 address: {_why_no_address(name, text)}. Write it as 192.168.1.10.")
    if re.fullmatch(r"[0-9-]+", last):
        raise ValueError("is not a range: only its last number may have two ends. Write 192.168.1.10-20 or 192.168.1.10-192.168.2.3.")
    if len(name) > 253:  # noqa: PLR2004 - RFC 1035
        raise ValueError("is longer than the 253 characters of a host name.")
    for label in labels:
        if not LABEL.match(label):
            said = f"{label[:SHOWN]!a} is not a part of one" if label else "there is an empty part between dots"
            raise ValueError(f"is neither an address nor a host name: {said}. Letters, digits and hyphens are allowed, 63 at most.")
    return name


def _why_no_address(name: str, text: str) -> str:
    if any(re.fullmatch(r"0\d+", label) for label in name.split(".")):
        return "an octet has a leading zero"
    if text.endswith("."):
        return "an address has no dot at its end"
    return "it has not four numbers from 0 to 255"


def _refuse_colon(name: str) -> None:
    host, _, port = name.rpartition(":")
    if ":" not in host and port.isdigit():
        raise ValueError("has a port. Give the host as target and the port in `ports`.")
    raise ValueError("is not an IPv6 address. Write it as 2001:db8::1.")


def _ascii(text: str) -> str:
    """Return the name in its xn-- form; one that only looks like what it stands for is refused, for we do not guess."""
    if text.isascii():
        return text
    if DEVIATING.search(text):
        raise ValueError("has a character that different standards encode differently. Give the name in its xn-- form.")
    try:
        encoded = text.encode("idna")
        read = encoded.decode("idna")
    except UnicodeError:
        raise ValueError("has characters that no host name can have. Give the name in its xn-- form.") from None
    written, folded = unicodedata.normalize("NFC", text).lower(), unicodedata.normalize("NFKC", text).casefold()
    if written not in (read, folded) or read != folded:
        meant = encoded.decode() if read != written else folded
        raise ValueError(f"has characters that stand for others: it would be read as {meant[:SHOWN]!a}. Write what you mean.")
    return encoded.decode("ascii")
