"""What a PDF says about itself: title, dates, and that it is PDF/A-3a and PDF/UA-1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

from watchfloor.capabilities.reports.engine.to_pdf.writing import string

if TYPE_CHECKING:
    from datetime import datetime

    from watchfloor.capabilities.reports.engine.to_pdf.writing import Writing
    from watchfloor.capabilities.reports.schemas.snapshot import Head

PRODUCER: Final = "Watchfloor"
# PDF/A wants every property that it does not know explained where it is used.
PACKET: Final = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:pdf="http://ns.adobe.com/pdf/1.3/" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/">
<dc:format>application/pdf</dc:format>
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
<dc:creator><rdf:Seq><rdf:li>{author}</rdf:li></rdf:Seq></dc:creator>
<dc:language><rdf:Bag><rdf:li>{language}</rdf:li></rdf:Bag></dc:language>
<xmp:CreatorTool>{producer}</xmp:CreatorTool><xmp:CreateDate>{date}</xmp:CreateDate><xmp:ModifyDate>{date}</xmp:ModifyDate><xmp:MetadataDate>{date}</xmp:MetadataDate>
<pdf:Producer>{producer}</pdf:Producer>
<pdfaid:part>3</pdfaid:part><pdfaid:conformance>A</pdfaid:conformance>
</rdf:Description>
{universal}</rdf:RDF></x:xmpmeta>
<?xpacket end="r"?>"""
UNIVERSAL: Final = """<rdf:Description rdf:about="" xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/"><pdfuaid:part>1</pdfuaid:part></rdf:Description>
<rdf:Description rdf:about="" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/" xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#" xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">
<pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">
<pdfaSchema:schema>PDF/UA Universal Accessibility Schema</pdfaSchema:schema><pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/</pdfaSchema:namespaceURI><pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix>
<pdfaSchema:property><rdf:Seq><rdf:li rdf:parseType="Resource"><pdfaProperty:name>part</pdfaProperty:name><pdfaProperty:valueType>Integer</pdfaProperty:valueType><pdfaProperty:category>internal</pdfaProperty:category><pdfaProperty:description>Part of ISO 14289 that the file conforms to</pdfaProperty:description></rdf:li></rdf:Seq></pdfaSchema:property>
</rdf:li></rdf:Bag></pdfaExtension:schemas></rdf:Description>
"""


def describe(writing: Writing, head: Head, title: str, author: str, language: str) -> tuple[int, int]:
    """Write the metadata, and the same as dictionary of information; return both."""
    packet = PACKET.format(
        title=escape(title),
        author=escape(author),
        language=escape(language),
        date=head.as_of.isoformat(timespec="seconds"),
        producer=PRODUCER,
        universal=UNIVERSAL,
    ).encode()
    # Not compressed: programs that look for the packet need not understand PDF.
    metadata = writing.stream(writing.take(), b"<</Length %d/Type/Metadata/Subtype/XML>>" % len(packet), packet)
    date, producer = string(pdf_date(head.as_of)), string(PRODUCER)
    told = {
        b"Title": string(title),
        b"Author": string(author),
        b"Creator": producer,
        b"Producer": producer,
        b"CreationDate": date,
        b"ModDate": date,
    }
    return metadata, writing.new(b"<<" + b"".join(b"/" + name + value for name, value in told.items()) + b">>")


def pdf_date(moment: datetime) -> str:
    """Return a moment as PDF writes it."""
    return f"D:{moment:%Y%m%d%H%M%S}" + (offset[:3] + "'" + offset[3:5] if (offset := moment.strftime("%z")) != "+0000" else "Z")
