"""Links that open one stored file without a key, for minutes: signed, bound to organisation, file and who made them, revoked with that key.

A token is `organisation | link | signature`. The signature lets nobody make us look into the database with a guess; everything else stands in
the link's row. All that can be wrong with a link is told in one and the same sentence.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from watchfloor.kernel.artifacts.queries import get_stored
from watchfloor.kernel.artifacts.schemas import LinkMade
from watchfloor.kernel.audit.record import record
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import NotFound
from watchfloor.kernel.security import SIGNATURE_BYTES, signature_fits

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from watchfloor.kernel.artifacts.models import Artifact
    from watchfloor.kernel.artifacts.schemas import LinkAsked
    from watchfloor.kernel.jobs.ledger import Ledger
    from watchfloor.kernel.tenancy.keys import Actor

PURPOSE: Final = "artifact link"
NAMES_BYTES: Final = 32
TOKEN_CHARACTERS: Final = (NAMES_BYTES + SIGNATURE_BYTES) * 4 // 3
PATH: Final = "/api/v1/links/"
INVALID: Final = "This link opens nothing: it is not complete, has expired or was used. Ask who sent it for a new one."
MAKE: Final = (
    "insert into artifact_link (org, id, artifact, creator, created_by, expires_at, single_use) "
    "values (%s, %s, %s, %s, %s, wf_now() + make_interval(secs => %s), %s) returning expires_at"
)
# A link is worth no more than the key of who made it.
OPENS: Final = (
    "from artifact_link l join api_key k on k.org = l.org and k.id = l.creator where l.org = %(org)s and l.id = %(link)s "
    "and l.expires_at > wf_now() and (not l.single_use or l.used_at is null) "
    "and k.revoked_at is null and (k.expires_at is null or k.expires_at > wf_now())"
)
LOOK: Final = f"select l.artifact {OPENS}"
USE: Final = (
    "update artifact_link u set used_at = wf_now() where u.org = %(org)s and u.id = %(link)s and u.expires_at > wf_now() "
    "and (not u.single_use or u.used_at is null) returning u.created_by"
)


def make_link(ledger: Ledger, session: Session, actor: Actor, artifact: UUID, asked: LinkAsked) -> LinkMade:
    """Make a link to a file in the caller's transaction; raises NotFound."""
    get_stored(session, actor.org, artifact)
    link = new_id()
    values = (actor.org, link, artifact, actor.key, actor.name, asked.seconds, asked.single_use)
    row: Any = wire_of(session).execute(MAKE, values).fetchone()
    names = actor.org.bytes + link.bytes
    token = base64.urlsafe_b64encode(names + ledger.vault.signer(PURPOSE).sign(names)).decode()
    return LinkMade(url=PATH + token, expires_at=row[0], single_use=asked.single_use)


def parse_token(ledger: Ledger, token: str) -> tuple[UUID, UUID]:
    """Return the organisation and the link that a token names.

    Raises:
        NotFound: It was not made here, or was changed.
    """
    try:
        plain = base64.b64decode(token.encode(), altchars=b"-_", validate=True) if len(token) == TOKEN_CHARACTERS else b""
    except (binascii.Error, ValueError):
        plain = b""
    names = plain[:NAMES_BYTES]
    if not signature_fits(ledger.vault.signer(PURPOSE).public, plain[NAMES_BYTES:], names):
        raise NotFound(INVALID)
    return UUID(bytes=names[:16]), UUID(bytes=names[16:])


def get_linked(session: Session, org: UUID, link: UUID) -> Artifact:
    """Return the file that a link opens at this moment, without using it; raises NotFound."""
    row = wire_of(session).execute(LOOK, {"org": org, "link": link}).fetchone()
    if row is None:
        raise NotFound(INVALID)
    return get_stored(session, org, row[0], removed=True)


def use(session: Session, org: UUID, link: UUID, card: Artifact, *, request_id: str | None, address: str | None) -> None:
    """Use a link, once when it is for one use, and write down that somebody did.

    Raises:
        NotFound: Somebody else was first, or it has just expired.
    """
    row = wire_of(session).execute(USE, {"org": org, "link": link}).fetchone()
    if row is None:
        raise NotFound(INVALID)
    record(
        session, org, actor=f"link of {row[0]}", operation="open_link", object=str(card.id), reason=card.name, request_id=request_id, address=address
    )  # fmt: skip
