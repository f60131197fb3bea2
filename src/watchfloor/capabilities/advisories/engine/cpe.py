r"""Read and write CPE names, 2.3 strings and 2.2 URIs, and say how one relates to another. Pure.

A value is `ANY`, `NA`, or text in the form of a 2.3 string: lower case, letters, digits, `_`, `.` and `-` as they are, everything else
behind a backslash, and unquoted `*` and `?` at the ends only. One meaning has one form: a literal hyphen is `\-`, and so is no other value.

Source: NISTIR 7695 (names), NISTIR 7696 (relations).
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Final, NamedTuple, TypeAlias

LONGEST = 2048  # characters of a name
SHOWN = 100


class ParseError(ValueError):
    """The text is not a CPE name."""


class Logical(Enum):
    """Values that are no text."""

    ANY = "*"
    NA = "-"


ANY: Final = Logical.ANY
NA: Final = Logical.NA
Value: TypeAlias = str | Logical


class Relation(Enum):
    """What a source is to a target: the names that match one are all, some more, some, or none of those that match the other."""

    EQUAL = auto()
    SUPERSET = auto()
    SUBSET = auto()
    DISJOINT = auto()
    UNDEFINED = auto()


class Name(NamedTuple):
    """One CPE name, its attributes in the order of a 2.3 string."""

    part: Value = ANY
    vendor: Value = ANY
    product: Value = ANY
    version: Value = ANY
    update: Value = ANY
    edition: Value = ANY
    language: Value = ANY
    sw_edition: Value = ANY
    target_sw: Value = ANY
    target_hw: Value = ANY
    other: Value = ANY


LOGICAL = {"*": ANY, "-": NA}
PARTS = ("a", "o", "h", ANY, NA)
ATTRIBUTES = len(Name._fields)
URI_ATTRIBUTES = 7
PACKED = 6  # pieces between the tildes of ~edition~sw_edition~target_sw~target_hw~other

# Nearly all names are of this form, and mean what they say.
ORDINARY = re.compile(r"cpe:2\.3:[aoh*-]" + r":(?:[a-z0-9._-]+|\*)" * (ATTRIBUTES - 1))
VALUE = re.compile(r"(\*|\?*)((?:\\[!-~]|[!-)+->@-\[\]-~])*)(\*|\?*)")
CHARACTER = re.compile(r"\\?(.)")
PERCENT = re.compile(r"%(.{0,2})|[^%]", re.DOTALL)
MEANINGFUL = frozenset("*?\\")
PLAIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_.-")
WILDCARD_CODES = {"01": "?", "02": "*"}
# %2d is ours: the standard has no way to write the literal hyphen in a URI, and reads it back as NA.
CODES = {f"{ord(one):02x}": one for one in "!\"#$%&'()*+,/:;<=>?@[\\]^`{|}~-"}


def parse(text: str) -> Name:
    """Return the name that a 2.3 string or a 2.2 URI stands for; raises ParseError."""
    if len(text) > LONGEST:
        raise ParseError(f"{text[:SHOWN]!r}… has more than {LONGEST:,} characters, too many for a CPE name")
    if (values := ordinary(text)) is not None:
        return Name._make([LOGICAL.get(one, one) for one in values])
    lowered = text.lower()
    try:
        return _parse(lowered)
    except ParseError as error:
        raise ParseError(f"{text[:SHOWN]!r} is not a CPE name: {error}") from None


def ordinary(text: str) -> list[str] | None:
    """Return the values of a 2.3 string as `stored` has them, if they mean what they say; None for any other text."""
    if len(text) > LONGEST or ORDINARY.fullmatch(lowered := text.lower()) is None:
        return None
    return lowered[8:].split(":")


def bind(name: Name) -> str:
    """Return the 2.3 string of a name; `parse` reads it back as the same name."""
    return "cpe:2.3:" + ":".join([one.value if isinstance(one, Logical) else one for one in name])


def bind_uri(name: Name) -> str:
    """Return the 2.2 URI of a name; `parse` reads it back as the same name."""
    *plain, edition, language = (_uri_value(one) for one in name[:URI_ATTRIBUTES])
    extended = [_uri_value(one) for one in name[URI_ATTRIBUTES:]]
    if any(extended):
        edition = "~".join(["", edition, *extended])
    return "cpe:/" + ":".join([*plain, edition, language]).rstrip(":")


def stored(value: Value) -> str:
    r"""Return a value as columns and people have it: `*`, `-`, or without backslashes.

    Two values are equal if and only if this is: where a text without backslashes would read as a wildcard or as NA, they stay.
    """
    if isinstance(value, Logical):
        return value.value
    if "\\" not in value:
        return value
    text = CHARACTER.sub(r"\1", value)
    return value if text == "-" or not MEANINGFUL.isdisjoint(text) else text


def ends(value: str) -> tuple[str, str, str]:
    """Return the wildcards before a text, the text with its backslashes, and the wildcards behind it; raises ParseError."""
    found = VALUE.fullmatch(value)
    if found is None:
        raise ParseError(
            f"wildcards stand at the ends of a value only, and {value[:SHOWN]!r} holds another or a character that names do not have"
        )
    return found[1], found[2], found[3]


def has_wildcard(value: Value) -> bool:
    """Say whether a value stands for several texts; ANY does not, it is the absence of a value."""
    if isinstance(value, Logical) or (value[0] not in MEANINGFUL and value[-1] not in MEANINGFUL):
        return False
    lead, _, trail = ends(value)
    return bool(lead or trail)


def relate(source: Name, target: Name) -> Relation:
    """Return what a name is to another: DISJOINT where one attribute is, else what all attributes allow, else UNDEFINED."""
    found = {relate_values(*pair) for pair in zip(source, target, strict=True)}
    if Relation.DISJOINT in found:
        return Relation.DISJOINT
    for relation in (Relation.EQUAL, Relation.SUPERSET, Relation.SUBSET):
        if found <= {relation, Relation.EQUAL}:
            return relation
    return Relation.UNDEFINED


def relate_values(source: Value, target: Value) -> Relation:
    """Return what one value is to another. A target with a wildcard is UNDEFINED to all, even to itself."""
    if has_wildcard(target):
        return Relation.UNDEFINED
    if source == target:
        return Relation.EQUAL
    if source is ANY:
        return Relation.SUPERSET
    if target is ANY:
        return Relation.SUBSET
    if isinstance(source, Logical) or isinstance(target, Logical) or not _covers(source, target):
        return Relation.DISJOINT
    return Relation.SUPERSET


def _covers(source: str, target: str) -> bool:
    """Say whether the wildcards of a source stand for what a target has beside the rest; a question mark may stand for nothing."""
    lead, rest, trail = ends(source)
    core, text = CHARACTER.sub(r"\1", rest), CHARACTER.sub(r"\1", target)
    spare = len(text) - len(core)
    before = spare if lead == "*" else min(len(lead), spare)
    after = spare if trail == "*" else len(trail)
    return any(text.startswith(core, at) for at in range(max(0, spare - after), before + 1))


def _parse(text: str) -> Name:
    if text.startswith("cpe:2.3:"):
        return _name([_value(one) for one in _split(text[8:])])
    if text.startswith("cpe:/"):
        return _parse_uri(text[5:])
    raise ParseError("it begins neither with cpe:2.3: nor with cpe:/")


def _split(text: str) -> list[str]:
    values: list[str] = []
    escaped = ""
    for piece in text.split(":"):
        value = escaped + piece
        if (len(value) - len(value.rstrip("\\"))) % 2:
            escaped = value + ":"
            continue
        values.append(value)
        escaped = ""
    if len(values) != ATTRIBUTES or escaped:
        raise ParseError(f"it has {len(values) + 2} parts between its colons instead of {ATTRIBUTES + 2}")
    return values


def _parse_uri(text: str) -> Name:
    values = text.split(":")
    if len(values) > URI_ATTRIBUTES:
        raise ParseError(f"it has {len(values)} parts, and a URI has at most {URI_ATTRIBUTES}")
    values += [""] * (URI_ATTRIBUTES - len(values))
    extended = [""] * (PACKED - 2)
    if values[5].startswith("~"):
        packed = values[5].split("~")
        if len(packed) != PACKED:
            raise ParseError(f"a packed edition has {PACKED - 1} tildes, and this has {len(packed) - 1}")
        values[5], extended = packed[1], packed[2:]
    return _name([_decoded(one) for one in values + extended])


def _name(values: list[Value]) -> Name:
    if values[0] not in PARTS:
        raise ParseError("its part is none of a, o, h, * and -")
    return Name._make(values)


def _decoded(text: str) -> Value:
    if not text:
        return ANY
    if "\\" in text:
        raise ParseError("a URI has no backslashes")
    if "%" not in text:
        return _value(text)
    return _value("".join([_character(found) for found in PERCENT.finditer(text)]), encoded=True)


def _character(found: re.Match[str]) -> str:
    code = found[1]
    if code is None:
        return found[0]
    if code in WILDCARD_CODES:
        return WILDCARD_CODES[code]
    if code not in CODES:
        raise ParseError(f"%{code} is no character of a CPE name")
    return "\\" + CODES[code]


def _value(text: str, *, encoded: bool = False) -> Value:
    if not encoded and text in LOGICAL:
        return LOGICAL[text]
    if not text:
        raise ParseError("a value between its colons is empty")
    lead, rest, trail = ends(text)
    if not rest and text.strip("?"):
        raise ParseError("a value of several asterisks means nothing")
    body = "".join([one if one in PLAIN else "\\" + one for one in CHARACTER.findall(rest)])
    return "\\-" if body == "-" and not lead and not trail else lead + body + trail


def _uri_value(value: Value) -> str:
    if isinstance(value, Logical):
        return "" if value is ANY else "-"
    if value == "\\-":
        return "%2d"
    lead, rest, trail = ends(value)
    body = "".join([one if one in PLAIN else f"%{ord(one):02x}" for one in CHARACTER.findall(rest)])
    return lead.replace("?", "%01").replace("*", "%02") + body + trail.replace("?", "%01").replace("*", "%02")
