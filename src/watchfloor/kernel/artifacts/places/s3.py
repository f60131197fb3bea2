"""The place in an S3-compatible store: objects `<prefix>/<org>/<first byte>/<address>` of one bucket."""

from __future__ import annotations

import os
from contextlib import contextmanager
from datetime import timedelta
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store

from watchfloor.kernel import clock, telemetry
from watchfloor.kernel.artifacts.places import Lying, address_named
from watchfloor.kernel.errors import SetupError, SourceUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from uuid import UUID

    from obstore.store import RetryConfig
    from sqlalchemy.orm import Session

    from watchfloor.kernel.artifacts.settings import ArtifactSettings
    from watchfloor.kernel.db.session import Database

# Shorter than what a transaction may idle (kernel/db/session.py): deleting holds a lock of the database meanwhile.
ANSWER: Final = timedelta(seconds=30)
RETRIES: Final[RetryConfig] = {"max_retries": 3, "retry_timeout": timedelta(seconds=25)}
IN_ONE_PIECE: Final = 6  # parts; larger objects are uploaded in pieces
AT_ONCE: Final = 4  # pieces; each is in memory


class Bucket:
    """One bucket; knows the process that opened it, because the library's threads do not live on in a forked one."""

    def __init__(self, settings: ArtifactSettings) -> None:
        """Open nothing yet; raises SetupError when no bucket is named."""
        if settings.s3_bucket is None:
            raise SetupError("Files are stored in S3 and no bucket is named: set WATCHFLOOR_ARTIFACTS_S3_BUCKET.")
        self._where = f"s3://{settings.s3_bucket}/{settings.s3_prefix}"
        self._pid = os.getpid()
        # What is not given here is taken from AWS_* by the library.
        secrets = {
            "access_key_id": settings.s3_access_key_id and settings.s3_access_key_id.get_secret_value(),
            "secret_access_key": settings.s3_secret_access_key and settings.s3_secret_access_key.get_secret_value(),
        }
        telemetry.keep_secret(secret for secret in secrets.values() if secret)
        given: dict[str, Any] = {"endpoint": settings.s3_endpoint, "region": settings.s3_region, **secrets}
        plain = (settings.s3_endpoint or "").startswith("http://")
        try:
            self._store = S3Store(
                settings.s3_bucket,
                prefix=settings.s3_prefix.strip("/") or None,
                client_options={"allow_http": plain, "timeout": ANSWER, "connect_timeout": timedelta(seconds=5)},
                retry_config=RETRIES,
                **{name: value for name, value in given.items() if value},
            )
        except BaseError as error:
            raise SetupError(f"The store {self._where} cannot be used: {_plain(error)}. Check WATCHFLOOR_ARTIFACTS_S3_*.") from error

    def scratch(self) -> Path | None:
        """Return None: drafts lie in the system's own directory."""
        return None

    def put(self, session: Session | None, org: UUID, address: bytes, parts: Iterable[bytes]) -> None:  # noqa: ARG002 - S3 knows no transaction
        """Upload all parts; a store shows an object when it is whole, never before."""
        coming = iter(parts)
        begin = list(islice(coming, IN_ONE_PIECE + 1))
        whole = len(begin) <= IN_ONE_PIECE
        with self._said():
            obstore.put(
                self._store, _key(org, address), b"".join(begin) if whole else chain(begin, coming), use_multipart=not whole, max_concurrency=AT_ONCE,
            )  # fmt: skip

    def fetch(self, database: Database, org: UUID, address: bytes, n: int, start: int, size_bytes: int) -> bytes | None:  # noqa: ARG002 - parts lie one after the other
        """Download one part."""
        with self._said():
            try:
                return bytes(obstore.get_range(self._store, _key(org, address), start=start, length=size_bytes))
            except FileNotFoundError as error:
                self._demand_bucket(error)
                return None
            except BaseError:
                if obstore.head(self._store, _key(org, address))["size"] > start:
                    raise
                return b""  # the object ends before: the store calls that a bad request

    def look(self, session: Session, org: UUID, address: bytes) -> Lying | None:  # noqa: ARG002 - see put
        """Ask for the object's size and age."""
        with self._said():
            try:
                found = obstore.head(self._store, _key(org, address))
            except FileNotFoundError:
                return None
        return Lying(address, found["size"], clock.now() - found["last_modified"])

    def drop(self, session: Session, org: UUID, address: bytes) -> None:  # noqa: ARG002 - see put
        """Delete the object."""
        with self._said():
            try:
                obstore.delete(self._store, _key(org, address))
            except FileNotFoundError:
                return

    def listing(self, database: Database, org: UUID, first: int | None) -> Iterator[Lying]:  # noqa: ARG002 - see put
        """Yield the objects; what has not the name of an address is none of ours and stays."""
        with self._said():
            for page in obstore.list(self._store, prefix=str(org) if first is None else f"{org}/{first:02x}"):
                for found in page:
                    folder, name = found["path"].rsplit("/", 2)[-2:]
                    if (address := address_named(name, folder)) is not None:
                        yield Lying(address, found["size"], clock.now() - found["last_modified"])

    def clear_drafts(self, org: UUID, older_than: timedelta, *, dry_run: bool = False) -> int:  # noqa: ARG002 - see put
        """Return 0: uploads that were never finished are ended by a rule of the bucket."""
        return 0

    @contextmanager
    def _said(self) -> Iterator[None]:
        """Turn the library's errors into a sentence; its own may tell requests in full."""
        if os.getpid() != self._pid:
            raise SetupError("Files in S3 were used before this process was forked; use them in the new process only.")
        try:
            yield
        except FileNotFoundError as error:  # of an object that was to be written
            self._demand_bucket(error)
            raise SourceUnavailable(f"The store {self._where} did not take a file: {_plain(error)}") from error
        except (PermissionDeniedError, UnauthenticatedError) as error:
            raise SetupError(
                f"The store {self._where} refused our key. Check WATCHFLOOR_ARTIFACTS_S3_*, and the bucket's policy."
            ) from error
        except BaseError as error:
            raise SourceUnavailable(f"The store {self._where} could not be used: {_plain(error)}") from error

    def _demand_bucket(self, error: FileNotFoundError) -> None:
        """A bucket that is not there says nothing about files."""
        if "NoSuchBucket" in str(error):
            raise SetupError(f"There is no bucket {self._where}. Create it, or correct WATCHFLOOR_ARTIFACTS_S3_BUCKET.") from error


def _key(org: UUID, address: bytes) -> str:
    name = address.hex()
    return f"{org}/{name[:2]}/{name}"


def _plain(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
