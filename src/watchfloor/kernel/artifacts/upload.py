"""Take a file that a request sends as its body, piece by piece."""

from __future__ import annotations

import hashlib
from typing import IO, TYPE_CHECKING, Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from watchfloor.kernel.artifacts.draft import SIZE_MAX_BYTES
from watchfloor.kernel.errors import InvalidInput, TooLarge

if TYPE_CHECKING:
    from starlette.requests import Request

UPLOAD_TYPE: Final = "application/octet-stream"
# A route whose openapi_extra says this is given its body unread, up to the size of an artifact; it must be `async` and use `spooled`.
UPLOAD: Final[dict[str, Any]] = {"requestBody": {"content": {UPLOAD_TYPE: {"schema": {"type": "string", "format": "binary"}}}}}


async def spooled(request: Request, file: IO[bytes]) -> str:
    """Write a request's body to a file and return its SHA-256, empty for an empty body; the file is at its beginning then.

    Nothing else is held meanwhile: neither a thread nor a transaction waits for whoever sends slowly.

    Raises:
        TooLarge: It is larger than an artifact may be.
        InvalidInput: It ended before it was complete.
    """
    digest, size = hashlib.sha256(), 0
    try:
        async for piece in request.stream():
            size += len(piece)
            if size > SIZE_MAX_BYTES:
                raise TooLarge(f"the file is larger than {SIZE_MAX_BYTES} bytes")
            digest.update(piece)
            await run_in_threadpool(file.write, piece)
    except ClientDisconnect as error:
        raise InvalidInput("the file ended before it was complete; send it again") from error
    await run_in_threadpool(file.seek, 0)
    return digest.hexdigest() if size else ""
