"""Checks of what a web server shows: headers, listings, repositories, default and administration pages. Pure."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.engine.judge.check import Category, Check, Seen, Subject, cwe, rfc
from watchfloor.kernel.contract import Severity

if TYPE_CHECKING:
    from watchfloor.capabilities.scans.schemas import WebFacts

NEEDS = "The front page of a web server."
SENDS = "GET / with Host, and GET of at most two redirects that stay on the server."
OWASP_HEADERS = "https://owasp.org/www-project-secure-headers/"
OK = 200


def _page(subject: Subject) -> WebFacts | None:
    """Return the page when it is one that browsers show: headers of an API or a redirect protect nothing."""
    web = subject.service.web
    return web if web and web.status == OK and web.html else None


def _no_hsts(subject: Subject) -> Seen | None:
    web = subject.service.web
    if not (web and subject.service.tls_version and web.status) or "strict-transport-security" in web.headers:
        return None
    # Browsers ignore it for addresses; by its name the same server may need it.
    return Seen(f"No Strict-Transport-Security in the answer to GET {web.path}.", severity=None if subject.name else Severity.INFO)


def _no_policy(subject: Subject) -> Seen | None:
    web = _page(subject)
    return (
        Seen(f"No Content-Security-Policy in the answer to GET {web.path}.")
        if web and "content-security-policy" not in web.headers
        else None
    )


def _framed(subject: Subject) -> Seen | None:
    web = _page(subject)
    if web is None or "x-frame-options" in web.headers or "frame-ancestors" in web.headers.get("content-security-policy", ""):
        return None
    return Seen("Neither X-Frame-Options nor frame-ancestors in Content-Security-Policy.")


def _sniffed(subject: Subject) -> Seen | None:
    web = _page(subject)
    return (
        Seen("No X-Content-Type-Options: nosniff.") if web and web.headers.get("x-content-type-options", "").lower() != "nosniff" else None
    )


def _listing(subject: Subject) -> Seen | None:
    web = subject.service.web
    return Seen(f"GET {web.path}: {web.title or 'a list of files'}") if web and web.status == OK and web.listing else None


def _git(subject: Subject) -> Seen | None:
    web = subject.service.web
    return Seen(f"GET /.git/HEAD: {web.git}") if web and web.git else None


def _default(subject: Subject) -> Seen | None:
    web = subject.service.web
    return Seen(f"The default page of {web.default_page}: {web.title}") if web and web.default_page else None


def _panel(subject: Subject) -> Seen | None:
    """Judge an administration page: on a public address worse than inside a network."""
    web = subject.service.web
    if not (web and web.panel):
        return None
    public = ip_address(subject.target).is_global
    return Seen(f"{web.panel}: {web.title or web.server or web.path}", severity=Severity.MEDIUM if public else None)


def _wildcard_origin(subject: Subject) -> Seen | None:
    web = subject.service.web
    return Seen("Access-Control-Allow-Origin: *") if web and web.headers.get("access-control-allow-origin") == "*" else None


CHECKS = (
    Check(
        id="http-no-hsts", title="HTTPS without Strict-Transport-Security", severity=Severity.LOW, category=Category.CONFIGURATION, needs=NEEDS, sends=SENDS,
        description="A browser's first visit by http:// can be kept from HTTPS by someone in between.",
        remedy="Send `Strict-Transport-Security: max-age=31536000` once everything works over HTTPS.", references=(cwe(319), rfc(6797), OWASP_HEADERS), sees=_no_hsts,
    ),
    Check(
        id="http-no-csp", title="No Content-Security-Policy", severity=Severity.INFO, category=Category.CONFIGURATION, needs=NEEDS, sends=SENDS,
        description="Without it a browser runs whatever script an attacker gets into a page.", remedy="Send a policy that names where scripts may come from.",
        references=(cwe(693), "https://www.w3.org/TR/CSP3/", OWASP_HEADERS), sees=_no_policy,
    ),
    Check(
        id="http-framing", title="Pages can be framed by other sites", severity=Severity.INFO, category=Category.CONFIGURATION, needs=NEEDS, sends=SENDS,
        description="A page in an invisible frame takes clicks that were meant for another.", remedy="Send `Content-Security-Policy: frame-ancestors 'self'`.",
        references=(cwe(1021), rfc(7034), OWASP_HEADERS), sees=_framed,
    ),
    Check(
        id="http-sniffing", title="Browsers may guess content types", severity=Severity.INFO, category=Category.CONFIGURATION, needs=NEEDS, sends=SENDS,
        description="A file that users upload can be taken for a script.", remedy="Send `X-Content-Type-Options: nosniff`.",
        references=(cwe(430), "https://fetch.spec.whatwg.org/#x-content-type-options-header", OWASP_HEADERS), sees=_sniffed,
    ),
    Check(
        id="http-directory-listing", title="A directory lists its files", severity=Severity.MEDIUM, category=Category.EXPOSURE, needs=NEEDS, sends=SENDS,
        description="Lists lead to backups and files that nobody meant to publish.", remedy="Turn listings off (`Options -Indexes`, `autoindex off`).",
        references=(cwe(548),), sees=_listing,
    ),
    Check(
        id="http-git-exposed", title="A Git repository can be downloaded", severity=Severity.HIGH, category=Category.EXPOSURE,
        needs="An answer to GET /.git/HEAD that is one.", sends="One GET of /.git/HEAD.",
        description="The whole source with its history can be put together from /.git, with every secret ever committed.",
        remedy="Deny /.git in the server, deploy without it, and replace secrets that were in it.", references=(cwe(527), cwe(538)), sees=_git,
    ),
    Check(
        id="http-default-page", title="A web server shows its default page", severity=Severity.INFO, category=Category.CONFIGURATION, needs=NEEDS, sends=SENDS,
        description="Servers nobody set up are servers nobody updates.", remedy="Turn the server off, or set it up and replace the page.",
        references=(cwe(1188),), sees=_default,
    ),
    Check(
        id="http-admin-panel", title="An administration page is reachable", severity=Severity.LOW, category=Category.EXPOSURE, needs="Title, marks or icon of the front page.",
        sends=f"{SENDS} GET of the icon.", description="Passwords can be tried on it, and its own weaknesses are open to everybody who reaches it.",
        remedy="Limit it to a management network or VPN, and require a second factor.", references=(cwe(749), "https://www.cisa.gov/news-events/directives/binding-operational-directive-23-02"),
        sees=_panel,
    ),
    Check(
        id="http-any-origin", title="Answers may be read by every website", severity=Severity.INFO, category=Category.CONFIGURATION, needs=NEEDS, sends=SENDS,
        description="With it any page that a user opens can read this server from inside the user's network.",
        remedy="Name the origins that may read answers instead of *.", references=(cwe(942), "https://fetch.spec.whatwg.org/#http-cors-protocol"), sees=_wildcard_origin,
    ),
)  # fmt: skip
