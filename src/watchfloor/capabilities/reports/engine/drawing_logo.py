"""Logos that are drawings: shapes and their colours alone, read by a parser without entities and written anew. Pure.

Nothing of the file that was sent is passed through: elements and attributes of an allow-list are written again, each value only when it has the
shape that its attribute asks for. What would change the picture when it is left out is refused; what only editors read is dropped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from xml.parsers import expat

from watchfloor.capabilities.reports.engine.text import line
from watchfloor.kernel.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

START: Final = b'<svg xmlns="http://www.w3.org/2000/svg" '
SPACE: Final = "http://www.w3.org/2000/svg"
ELEMENTS_MAX: Final = 5000
DEPTH_MAX: Final = 32
NUMBERS_MAX: Final = 1e6  # how far from the origin a coordinate may lie
BOX: Final = (240, 64)  # how large a page shows a logo

# No value can be read in two ways, or the time to refuse one would double with each of its numbers.
NUMBER: Final = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_LENGTH: Final = rf"{NUMBER}(?:px|%)?"
_SHARE: Final = rf"{NUMBER}%?"
_HEX: Final = "[0-9a-fA-F]"
_COLOUR: Final = rf"#(?:{_HEX}{{3,4}}|{_HEX}{{6}}|{_HEX}{{8}})|[a-zA-Z]{{3,24}}|rgba?\( ?{_SHARE}(?:,? {_SHARE}|,{_SHARE}){{2}}(?:,? {_SHARE}|,{_SHARE})? ?\)"
_REFERENCE: Final = r"url\( ?#(?P<of>[\w.:-]{1,200}) ?\)"
_STEP: Final = rf"(?:matrix|translate|scale|rotate|skewX|skewY) ?\( ?{NUMBER}(?:(?:[ ,]+|(?=[-+])){NUMBER}){{0,5}} ?\)"
_STEPS: Final = rf"(?:{_STEP}(?:[ ,]*{_STEP})*)?"
_PAINT: Final = rf"(?:{_COLOUR})|{_REFERENCE}"
PAINTED: Final = {name: re.compile(rf"(?:{shape})\Z") for name, shape in {
    "fill": _PAINT, "stroke": _PAINT, "clip-path": rf"none|{_REFERENCE}", "stop-color": _COLOUR, "color": _COLOUR, "opacity": _SHARE,
    "fill-opacity": _SHARE, "stroke-opacity": _SHARE, "stop-opacity": _SHARE, "fill-rule": "nonzero|evenodd|inherit",
    "clip-rule": "nonzero|evenodd|inherit", "stroke-width": _LENGTH, "stroke-miterlimit": NUMBER, "stroke-dashoffset": _LENGTH,
    "stroke-dasharray": rf"none|{_LENGTH}(?:[ ,]+{_LENGTH})*", "stroke-linecap": "butt|round|square|inherit", "stroke-linejoin": "miter|round|bevel|inherit",
    "display": "none|inline|block|inherit", "visibility": "visible|hidden|inherit",
}.items()}  # fmt: skip
PLACED: Final = {name: re.compile(rf"(?:{shape})\Z") for name, shape in {
    **dict.fromkeys(("x", "y", "width", "height", "rx", "ry", "cx", "cy", "r", "x1", "y1", "x2", "y2", "fx", "fy", "fr"), _LENGTH), "offset": _SHARE,
    "d": r"[MmZzLlHhVvCcSsQqTtAaEe0-9+\-., ]*", "points": r"[Ee0-9+\-., ]*", "transform": _STEPS, "gradientTransform": _STEPS,
    "gradientUnits": "userSpaceOnUse|objectBoundingBox",
    "clipPathUnits": "userSpaceOnUse|objectBoundingBox", "spreadMethod": "pad|reflect|repeat",
}.items()}  # fmt: skip
SHAPES: Final = frozenset({"path", "rect", "circle", "ellipse", "line", "polyline", "polygon"})
GRADIENTS: Final = frozenset({"linearGradient", "radialGradient"})
ELEMENTS: Final = SHAPES | GRADIENTS | {"svg", "g", "defs", "stop", "clipPath"}
# What these hold is for people who edit or hear the file; a report names the organisation instead.
DROPPED: Final = frozenset({"title", "desc", "metadata"})
UNSEEN: Final = re.compile(
    r"(?:version|baseProfile|role|focusable|enable-background|overflow|preserveAspectRatio|contentStyleType|contentScriptType|zoomAndPan|"
    r"(?:data|aria|font|text|line|letter|word|writing|color|image|shape|solid|baseline|dominant|alignment|-[a-z]+)-[\w-]*|"
    r"direction|isolation|paint-order|vector-effect|mix-blend-mode|marker)\Z"
)


@dataclass
class Element:
    """An element as it will be written; its id is the one that its file gave it."""

    name: str
    attributes: dict[str, str]
    id: str = ""
    children: list[Element] = field(default_factory=list)


def clean_svg(content: bytes) -> bytes:
    """Return a drawing with its shapes alone, as wide and high as pages show it; the same drawing gives the same bytes.

    Raises:
        InvalidInput: No SVG, or one with anything but shapes, gradients and clips: scripts, links, texts, pictures, styles, animations, entities.
    """
    reader = _Reader()
    try:
        reader.parser.Parse(content, True)  # noqa: FBT003 - taken by position alone
    except expat.ExpatError as error:
        raise refused(f"it is no well-formed XML ({expat.ErrorString(error.code)}, line {error.lineno})") from None
    if not reader.shapes:
        raise refused("it has no shapes")
    return _Writer(reader.root).written()


def refused(why: str) -> InvalidInput:
    """Return what is said of a drawing that is no logo."""
    return InvalidInput(
        f"this SVG cannot be a logo: {why}; a logo has shapes, gradients and clips alone, so save it as plain SVG with texts as outlines",
        field="/logo",
    )


class _Reader:
    """Builds a tree of what is allowed; whatever is not is dropped or refused where it begins."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate("utf-8", " ")
        self.parser.StartElementHandler, self.parser.EndElementHandler = self._start, self._end
        self.parser.StartDoctypeDeclHandler = self._document_type
        self.parser.EntityDeclHandler = self.parser.SkippedEntityHandler = self._entity
        self.parser.ProcessingInstructionHandler = self._instruction
        self.root = Element("", {})
        self.shapes = self._count = self._dropping = 0
        self._open = [self.root]

    def _document_type(self, _name: str, _system: str | None, _public: str | None, own: int) -> None:
        if own:
            raise refused("its document type declares something")

    def _entity(self, *_declared: object) -> None:
        raise refused("it has entities")

    def _instruction(self, target: str, _data: str) -> None:
        raise refused(f"it has an instruction ({line(target)[:40]})")

    def _start(self, told: str, attributes: Mapping[str, str]) -> None:
        self._count += 1
        if self._count > ELEMENTS_MAX or len(self._open) + self._dropping > DEPTH_MAX:
            raise refused(f"it has more than {ELEMENTS_MAX:,} elements, or more than {DEPTH_MAX} in each other")
        space, _, name = told.rpartition(" ")
        inside = len(self._open) > 1
        if self._dropping or (inside and (space != SPACE or name in DROPPED)):
            self._dropping += 1
            return
        if space != SPACE or name not in ELEMENTS or (name == "svg") == inside:
            raise refused(f"it has the element {line(name)[:40]!r}")
        made = Element(name, dict(_allowed(name, attributes)), attributes.get("id", "")[:200])
        self.shapes += name in SHAPES
        self._open[-1].children.append(made)
        self._open.append(made)

    def _end(self, _name: str) -> None:
        if self._dropping:
            self._dropping -= 1
        else:
            self._open.pop()


def _allowed(element: str, attributes: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in attributes.items():
        if name in {"id", "viewBox"} or (element == "svg" and name in {"x", "y", "width", "height"}):
            if element == "svg" and name != "id":
                yield name, value  # judged where the size is
        elif " " in name:
            if name.endswith(" href"):
                raise refused("it has links (href)")
        elif name != "style" and not UNSEEN.match(name):
            yield name, _fitting(name, value)
    yield from _styled(attributes.get("style", ""))  # last: it outdoes attributes


def _styled(style: str) -> Iterator[tuple[str, str]]:
    for one in style.split(";"):
        name, _, value = (part.strip() for part in one.partition(":"))
        if name and not UNSEEN.match(name):
            if name not in PAINTED:
                raise refused(f"it has the style {line(name)[:40]!r}")
            yield name, _fitting(name, value)


def _fitting(name: str, value: str) -> str:
    """Return an attribute's value with single spaces, when it is one that the attribute may have."""
    shape, told = PAINTED.get(name) or PLACED.get(name), " ".join(value.split())
    if shape is None:
        raise refused(f"it has the attribute {line(name)[:40]!r}")
    if not shape.match(told) or any(abs(float(one)) > NUMBERS_MAX for one in _numbers(name, told)):
        raise refused(f"its attribute {name} is {line(told)[:60]!r}")
    return told


def _numbers(name: str, value: str) -> list[str]:
    return [] if name in {"fill", "stroke", "color", "stop-color", "clip-path"} else re.findall(NUMBER, value)


class _Writer:
    """Writes a tree; ids are numbered in the order in which they stand, and name only what is there."""

    def __init__(self, root: Element) -> None:
        (self._svg,) = root.children
        self._ids: dict[str, tuple[str, str]] = {}
        for one in _all(self._svg):
            if one.id and (one.name in GRADIENTS or one.name == "clipPath"):
                self._ids.setdefault(one.id, (f"p{len(self._ids) + 1}", one.name))

    def written(self) -> bytes:
        width, height, view = _size(self._svg.attributes)
        head = START.decode() + f'width="{width}" height="{height}" viewBox="{view}"'
        rest = {name: value for name, value in self._svg.attributes.items() if name in PAINTED}
        inner = "".join(self._element(one, clipped=False) for one in self._svg.children)
        return f"{head}{self._attributes(rest, clipped=False)}>{inner}</svg>\n".encode()

    def _element(self, one: Element, *, clipped: bool) -> str:
        clipped = clipped or one.name == "clipPath"
        known = self._ids.get(one.id)
        number = f' id="{known[0]}"' if known and known[1] == one.name else ""
        inner = "".join(self._element(child, clipped=clipped) for child in one.children)
        return f"<{one.name}{number}{self._attributes(one.attributes, clipped=clipped)}>{inner}</{one.name}>"

    def _attributes(self, attributes: Mapping[str, str], *, clipped: bool) -> str:
        return "".join(f' {name}="{self._value(name, value, clipped=clipped)}"' for name, value in sorted(attributes.items()))

    def _value(self, name: str, value: str, *, clipped: bool) -> str:
        found = re.fullmatch(_REFERENCE, value)
        if found is None:
            return value
        number, sort = self._ids.get(found["of"], ("", ""))
        if not number or (sort == "clipPath") != (name == "clip-path") or (clipped and name == "clip-path"):
            raise refused(f"its attribute {name} names {line(found['of'])[:40]!r}, which is nothing that it may name")
        return f"url(#{number})"


def _all(element: Element) -> Iterator[Element]:
    yield element
    for one in element.children:
        yield from _all(one)


def _size(svg: Mapping[str, str]) -> tuple[str, str, str]:
    """Return width and height, as large as a page shows it, and what of the plane is seen."""
    view = svg.get("viewBox") or f"0 0 {svg.get('width', '').removesuffix('px')} {svg.get('height', '').removesuffix('px')}"
    parts = [one for one in re.split(r"[\s,]+", view.strip()) if re.fullmatch(NUMBER, one)]
    left, top, width, height = map(float, parts) if len(parts) == 4 else (0.0,) * 4  # noqa: PLR2004 - the attribute's numbers
    if not (0 < width <= NUMBERS_MAX and 0 < height <= NUMBERS_MAX and max(abs(left), abs(top)) <= NUMBERS_MAX):
        raise refused("it says no size: neither a viewBox, nor width and height in pixels")
    scale = min(BOX[0] / width, BOX[1] / height)
    return _plain(width * scale), _plain(height * scale), " ".join(map(_plain, (left, top, width, height)))


def _plain(value: float) -> str:
    told = f"{value:.6f}".rstrip("0").rstrip(".")
    return told if told != "-0" else "0"
