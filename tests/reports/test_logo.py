"""Facts about logos: what every renderer can show is taken, the picture alone; all else is refused when it is sent."""

from __future__ import annotations

import re
import struct
import zlib
from xml.etree import ElementTree as ET

import pytest
import typst

from tests.reports import corpus
from watchfloor.capabilities.reports.engine.drawing_logo import ELEMENTS, PAINTED, PLACED, SPACE, clean_svg
from watchfloor.capabilities.reports.engine.logo import BYTES_MAX, SIGNATURE, clean, clean_png, media_type
from watchfloor.kernel.errors import InvalidInput, TooLarge

SHOW = b'#set page(width: 50pt, height: 50pt)\n#image(bytes((%s)), format: "png", alt: "a")'


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(
    width: int, height: int, rows: bytes, *, depth: int = 8, colour: int = 2, interlace: int = 0, palette: bytes = b"", extra: bytes = b""
) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    middle = extra + (chunk(b"PLTE", palette) if palette else b"") + chunk(b"IDAT", zlib.compress(rows))
    return SIGNATURE + chunk(b"IHDR", head) + middle + chunk(b"IEND", b"")


GOOD = {
    "colours": png(3, 2, b"\0" * 20),
    "grey of one bit": png(9, 2, b"\0" * 6, depth=1, colour=0),
    "sixteen bits and transparent": png(2, 2, b"\4" + b"\0" * 16 + b"\2" + b"\0" * 16, depth=16, colour=6),
    "a palette": png(2, 1, b"\0\0\1", colour=3, palette=b"\0\0\0\xff\xff\xff"),
    "interlaced": png(3, 3, b"\0" * (4 + 4 + 7 + 2 * 4 + 10), colour=2, interlace=1),
    "one interlaced pixel": png(1, 1, b"\0" * 4, interlace=1),
}
BAD = {
    "too little": png(100, 100, b"\0" * 10),
    "too much": png(3, 2, b"\0" * 21),
    "a filter that is none": png(3, 2, b"\7" + b"\0" * 19),
    "a filter that is none, interlaced": png(1, 1, b"\7" * 4, interlace=1),
    "no palette": png(2, 1, b"\0\0\1", colour=3),
    "a palette of half a colour": png(2, 1, b"\0\0\1", colour=3, palette=b"\0\0"),
    "colours of one bit": png(8, 1, b"\0" * 4, depth=1),
    "a colour that is none": png(1, 1, b"\0\0", colour=5),
    "an order that is none": png(1, 1, b"\0" * 4, interlace=2),
    "two heads": png(3, 2, b"\0" * 20, extra=chunk(b"IHDR", struct.pack(">IIBBBBB", 3, 2, 8, 2, 0, 0, 0))),
    "no picture": SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)) + chunk(b"IEND", b""),
    "a drawing": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "more pixels than a page": png(4001, 1, b"\0" * 12004),
    "nothing": b"",
}


@pytest.mark.parametrize("name", GOOD)
def test_what_is_taken_can_be_shown(name: str) -> None:
    clean = clean_png(GOOD[name])
    assert typst.compile(SHOW % b",".join(b"%d" % one for one in clean)).startswith(b"%PDF")


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_shown_is_refused_when_it_is_sent(name: str) -> None:
    with pytest.raises(InvalidInput):
        clean_png(BAD[name])


def test_only_the_picture_is_kept() -> None:
    told = png(3, 2, b"\0" * 20, extra=chunk(b"tEXt", b"Author\0Ann") + chunk(b"eXIf", b"secret"))
    assert clean_png(told) == GOOD["colours"]


def test_a_large_file_is_refused_before_it_is_read() -> None:
    with pytest.raises(TooLarge):
        clean_png(SIGNATURE + bytes(1 << 20))


def svg(inner: str, head: str = 'viewBox="0 0 24 12"', before: str = "") -> bytes:
    return f'{before}<svg xmlns="{SPACE}" xmlns:xlink="http://www.w3.org/1999/xlink" {head}>{inner}</svg>'.encode()


RECT = '<rect width="24" height="12"/>'
DRAWINGS = {
    "shapes": svg('<path d="M0 0l1-1.5e1h.5zA1 1 0 01.5.5"/><circle cx="1" cy="1" r="1"/><ellipse rx="1" ry="2"/><line x2="3"/><polygon points="0,0 1,1"/><polyline points="0,0"/>' + RECT),
    "paint": svg('<g fill="#fff" stroke="red" stroke-width="2px" opacity=".5"><rect width="100%" height="9" fill="rgb(1, 2, 3)" style="fill-opacity:50%;stroke-dasharray:1,2"/></g>'),
    "gradients": svg('<defs><linearGradient id="sky.1" gradientTransform="rotate(45)"><stop offset="0" stop-color="#000"/><stop offset="100%" style="stop-color:#fff"/></linearGradient></defs><rect width="9" height="9" fill="url(#sky.1)"/>'),
    "clips": svg(f'<clipPath id="c"><circle r="3"/></clipPath><g clip-path="url(#c)" transform="translate(1-2) scale(2)">{RECT}</g>'),
    "what editors add": svg(f'<title>Ours</title><metadata><x:rdf xmlns:x="urn:x"><x:a href="//evil.test"/></x:rdf></metadata><n:view xmlns:n="urn:inkscape" n:x="1"/><g n:label="L" xmlns:n="urn:inkscape" id="layer" data-name="x" style="font-family:Arial;-inkscape-x:1">{RECT}</g>', before='<?xml version="1.0" encoding="UTF-8"?><!-- Made --><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">'),
    "a size in pixels": svg(RECT, 'width="24px" height="12"'),
}  # fmt: skip
HOSTILE = {
    "script": (svg(f"<script>alert(1)</script>{RECT}"), "element 'script'"),
    "an event": (svg(RECT, 'viewBox="0 0 1 1" onload="alert(1)"'), "attribute 'onload'"),
    "an event of a shape": (svg('<rect width="1" height="1" onclick="alert(1)"/>'), "attribute 'onclick'"),
    "a link": (svg(f'<a xlink:href="javascript:alert(1)">{RECT}</a>'), "element 'a'"),
    "a reference": (svg('<linearGradient id="a" xlink:href="//evil.test/x.svg#b"/>' + RECT), "links"),
    "a reference without a prefix": (svg('<linearGradient id="a" href="//evil.test/x.svg#b"/>' + RECT), "attribute 'href'"),
    "a picture": (svg(f'<image xlink:href="https://evil.test/x.png"/>{RECT}'), "element 'image'"),
    "a copy": (svg(f'<g id="a">{RECT}</g><use xlink:href="#a"/>'), "element 'use'"),
    "a page in it": (svg(f'<foreignObject><b xmlns="http://www.w3.org/1999/xhtml"/></foreignObject>{RECT}'), "element 'foreignObject'"),
    "a style": (svg(f'<style>@import "//evil.test";</style>{RECT}'), "element 'style'"),
    "a style that loads": (svg('<rect width="1" height="1" style="fill:url(https://evil.test/x#y)"/>'), "attribute fill"),
    "a paint that loads": (svg('<rect width="1" height="1" fill="url(//evil.test)"/>'), "attribute fill"),
    "a filter": (svg('<rect width="1" height="1" style="filter:url(#x)"/>'), "style 'filter'"),
    "a class": (svg('<rect width="1" height="1" class="x"/>'), "attribute 'class'"),
    "an animation": (svg('<rect width="1" height="1"><animate attributeName="x"/></rect>'), "element 'animate'"),
    "a set": (svg('<rect width="1" height="1"><set attributeName="href" to="javascript:x"/></rect>'), "element 'set'"),
    "a text": (svg(f"<text>x</text>{RECT}"), "element 'text'"),
    "a drawing in it": (svg(f"<svg>{RECT}</svg>"), "element 'svg'"),
    "entities": (svg(RECT, before='<!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'), "declares"),
    "a file of this machine": (svg("<g>&x;</g>" + RECT, before='<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>'), "declares"),
    "an entity of elsewhere": (svg("<g>&x;</g>" + RECT, before='<!DOCTYPE svg SYSTEM "http://evil.test/x.dtd">'), "entities"),
    "a style sheet": (svg(RECT, before='<?xml-stylesheet href="//evil.test/x.css"?>'), "instruction"),
    "a paint that is nowhere": (svg('<rect width="1" height="1" fill="url(#nowhere)"/>'), "may name"),
    "a clip that clips itself": (svg(f'<clipPath id="c"><g clip-path="url(#c)">{RECT}</g></clipPath>{RECT}'), "may name"),
    "a coordinate beyond all": (svg('<path d="M0 0L1e999 1"/>'), "attribute d"),
    "a long coordinate": (svg(f'<rect width="{"9" * 400}" height="1"/>'), "attribute width"),
    "no size": (svg(RECT, ""), "no size"), "a size of nothing": (svg(RECT, 'viewBox="0 0 0 1"'), "no size"),
    "nothing": (svg("<g/>"), "no shapes"), "another language": (b"<html><body/></html>", "element 'html'"),
    "no namespace": (b"<svg viewBox='0 0 1 1'><rect/></svg>", "element 'svg'"), "half a file": (svg(RECT)[:-6], "well-formed"),
    "too deep": (svg("<g>" * 40 + RECT + "</g>" * 40), "in each other"), "too many": (svg("<g/>" * 6000 + RECT), "5,000 elements"),
    "too deep where nobody looks": (svg("<desc>" * 40 + "</desc>" * 40 + RECT), "in each other"),
}  # fmt: skip


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_is_written_anew_and_can_be_shown(name: str) -> None:
    made = clean(DRAWINGS[name])
    assert media_type(made) == "image/svg+xml"
    source = b'#set page(width: 50pt, height: 50pt)\n#image(bytes((%s)), format: "svg", alt: "a")' % b",".join(b"%d" % one for one in made)
    assert typst.compile(source, pdf_standards=["a-3a"]).startswith(b"%PDF")
    known = {*PAINTED, *PLACED, "id", "viewBox"}
    for one in ET.fromstring(made).iter():  # noqa: S314 - what we wrote
        assert one.tag.removeprefix(f"{{{SPACE}}}") in ELEMENTS
        assert set(one.attrib) <= known


@pytest.mark.parametrize("name", DRAWINGS)
def test_the_same_drawing_gives_the_same_bytes_and_is_clean_already(name: str) -> None:
    made = clean(DRAWINGS[name])
    assert clean(DRAWINGS[name]) == made == clean(made)


def test_what_stands_in_a_drawing_besides_its_shapes_is_gone() -> None:
    assert not re.search(rb"evil|Ours|layer|inkscape|Arial|Made|DOCTYPE", clean(DRAWINGS["what editors add"]))
    assert b'fill="url(#p1)"' in clean(DRAWINGS["gradients"])
    assert clean(DRAWINGS["a size in pixels"]).startswith(
        b'<svg xmlns="http://www.w3.org/2000/svg" width="128" height="64" viewBox="0 0 24 12">'
    )


@pytest.mark.parametrize("name", HOSTILE)
def test_a_drawing_with_anything_else_is_refused_and_says_what(name: str) -> None:
    content, said = HOSTILE[name]
    with pytest.raises(InvalidInput, match=re.escape(said)):
        clean_svg(content)


@pytest.mark.parametrize("payload", [*corpus.SVG, *corpus.STYLE, *corpus.HTML])
def test_nothing_that_a_hostile_hand_writes_into_a_drawing_comes_through(payload: str) -> None:
    quoted = payload.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    for content in (svg(payload + RECT), svg(f'<rect width="1" height="1" fill="{quoted}" id="{quoted}" style="{quoted}"/>')):
        try:
            made = clean_svg(content)
        except InvalidInput:
            continue
        assert not re.search(rb"evil|script|alert|on\w+=|href|import|&|//(?!www.w3.org/2000/svg)", made)


def test_numbers_without_end_are_refused_at_once() -> None:
    for value in ("1 " * 200_000 + "!", "1" * 400_000 + "!", "1-" * 200_000 + "!", "scale(1)" * 50_000 + "!"):
        for name in ("stroke-dasharray", "transform", "points", "fill"):
            with pytest.raises(InvalidInput):
                clean_svg(svg(f'<rect width="1" height="1" {name}="{value}"/>'))


def test_a_drawing_that_grows_beyond_what_is_kept_is_refused() -> None:
    small = "<rect/>" * 4000  # each with an end of its own, once it is written anew
    content = svg(f'<path d="{"0" * (BYTES_MAX - len(small) - 200)}"/>{small}')
    assert len(content) <= BYTES_MAX
    with pytest.raises(TooLarge):
        clean(content)


def test_a_style_outdoes_an_attribute_wherever_it_stands() -> None:
    for told in ('style="fill:#111" fill="#222"', 'fill="#222" style="fill:#111"'):
        assert b'fill="#111"' in clean(svg(f'<rect width="1" height="1" {told}/>'))
