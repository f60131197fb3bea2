"""Each organisation's data key: made with the organisation, wrapped under the installation's key, opened here alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchfloor.kernel import security
from watchfloor.kernel.errors import SetupError

if TYPE_CHECKING:
    from uuid import UUID

    from watchfloor.kernel.db.session import Database


class Vault:
    """Seals and opens one organisation's values; keys stay in this process's memory."""

    def __init__(self, kek: bytes, database: Database) -> None:
        """Take the key-encryption key; data keys are read when first needed."""
        self._kek = kek
        self._database = database
        self._keys: dict[tuple[UUID, str], bytes] = {}
        self._active: dict[UUID, str] = {}

    def seal(self, org: UUID, place: str, plaintext: bytes) -> tuple[str, bytes]:
        """Return key id and sealed bytes that open only for this organisation at this place (table, column, row)."""
        kid = self._active.get(org) or self._load(org)
        return kid, security.seal(self._purpose(org, kid, "field"), plaintext, self._bound(org, place, kid), kid=bytes.fromhex(kid))

    def open(self, org: UUID, kid: str, place: str, blob: bytes) -> bytes:
        """Return what was sealed at this place.

        Raises:
            Forged: The bytes were changed, or moved from another place or organisation.
        """
        return security.open_(self._purpose(org, kid, "field"), blob, self._bound(org, place, kid))

    def blind(self, org: UUID, text: str) -> bytes:
        """Return a keyed hash of `text`: equal texts of one organisation are equal, nothing else can be told."""
        kid = self._active.get(org) or self._load(org)
        return security.keyed_hash(self._purpose(org, kid, "blind"), text)

    def blind_for_all(self, text: str) -> bytes:
        """Return a keyed hash of `text` that is the same for every organisation of this installation."""
        return security.keyed_hash(security.purpose_key(self._kek, "blind"), text)

    def signer(self, purpose: str) -> security.Signer:
        """Return the installation's own signing key for one purpose: the same in every process and after every restart."""
        return security.Signer(security.purpose_key(self._kek, f"sign {purpose}"))

    def link_key(self, org: UUID, purpose: str) -> bytes:
        """Return the key that signs an organisation's links of one purpose: the same after every restart, and found without the database."""
        return security.keyed_hash(security.purpose_key(self._kek, f"link {purpose}"), org.bytes)

    def wrap_new(self, org: UUID) -> tuple[str, bytes]:
        """Make a data key for a new organisation and return its id and its wrapped form."""
        key = security.new_key()
        return security.key_id(key).hex(), security.wrap_key(self._kek, org, key)

    def _bound(self, org: UUID, place: str, kid: str) -> bytes:
        return f"{org}|{place}|{kid}".encode()

    def _purpose(self, org: UUID, kid: str, purpose: str) -> bytes:
        key = self._keys.get((org, kid))
        if key is None:
            self._load(org)
            key = self._keys.get((org, kid))
        if key is None:
            message = f"organisation {org} has no data key {kid}; restore its row of org_key"
            raise SetupError(message)
        return security.purpose_key(key, purpose)

    def _load(self, org: UUID) -> str:
        rows = self._database.wire("wf_engine").execute("select kid, wrapped, state from org_key where org = %s", (org,)).fetchall()
        for kid, wrapped, state in rows:
            self._keys[org, kid] = security.unwrap_key(self._kek, org, bytes(wrapped))
            if state == "active":
                self._active[org] = kid
        if org not in self._active:
            message = f"organisation {org} does not exist or has no data key; create it with `watchfloor orgs add`"
            raise SetupError(message)
        return self._active[org]
