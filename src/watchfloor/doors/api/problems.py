"""Every error as problem+json: what happened, what to do, and the request's name."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

import psycopg
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy.exc import DataError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from watchfloor.kernel.errors import SetupError, WatchfloorError

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

    from watchfloor.kernel.tenancy.access import Call

log = logging.getLogger("watchfloor.api")

REMEDIES: Final = {
    "invalid_input": "Correct the named field and send the request again.",
    "unauthenticated": "Send `Authorization: Bearer wf_…` with a valid key.",
    "forbidden": "Use a key whose role has this permission.",
    "not_found": "Check the address and the id; what belongs to another organisation looks the same.",
    "method_not_allowed": "The Allow header names the methods this address knows.",
    "lost": "Make the file again, or restore it from your backup of the place where files are stored.",
    "conflict": "Read the thing's present state, then decide.",
    "unconfirmed": "Read the estimate, then send `confirmed: true` with the request, or use a key that may approve it.",
    "too_large": "Send less at once.",
    "too_much": "Wait as long as Retry-After says.",
    "out_of_scope": "Add the target to the scope if you may look at it.",
    "unavailable": "Try again in a few seconds; nothing that was accepted is lost. `watchfloor doctor` says what is wrong.",
    "error": "This is a fault of the server. Its log names the request id.",
}
CODES: Final = {
    400: "invalid_input",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    422: "invalid_input",
}


class FieldProblem(BaseModel):
    """What is wrong with one field; the value itself is not repeated."""

    field: str = Field(description="JSON pointer")
    detail: str


class Problem(BaseModel):
    """An error, RFC 9457: what happened, and what to do."""

    type: str
    title: str
    status: int
    code: str = Field(description="stable word for programs")
    detail: str
    remedy: str
    request_id: str
    field: str | None = None
    position: int | None = Field(None, description="where in the field's text the trouble begins, in characters")
    length: int | None = None
    did_you_mean: str | None = Field(None, description="what may stand there instead")
    errors: list[FieldProblem] = []


def answer_errors(made: FastAPI) -> None:
    """Teach an application to answer every error this way."""
    made.add_exception_handler(WatchfloorError, _expected)
    made.add_exception_handler(RequestValidationError, _invalid)
    made.add_exception_handler(HTTPException, _http)
    for down in (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout):
        made.add_exception_handler(down, _unavailable)
    for odd in (psycopg.DataError, DataError, UnicodeEncodeError):
        made.add_exception_handler(odd, _unstorable)
    made.add_exception_handler(DBAPIError, _database)


def problem(status: int, code: str, detail: str, request_id: str, **more: Any) -> JSONResponse:  # noqa: ANN401 - Problem's other fields
    """Return one error as problem+json."""
    told = Problem(
        type=f"urn:watchfloor:error:{code}", title=code.replace("_", " ").capitalize(), status=status, code=code, detail=detail,
        remedy=REMEDIES.get(code, REMEDIES["error"] if status >= 500 else REMEDIES["invalid_input"]), request_id=request_id, **more,  # noqa: PLR2004 - HTTP
    )  # fmt: skip
    headers = {401: {"WWW-Authenticate": "Bearer"}, 429: {"Retry-After": "10"}, 503: {"Retry-After": "5"}}.get(status, {})
    return JSONResponse(told.model_dump(exclude_none=True), status, headers, "application/problem+json")


def _id(request: Request) -> str:
    return str(request.scope.get("request_id", ""))


def _expected(request: Request, error: Exception) -> JSONResponse:
    status, code = getattr(error, "status", 500), getattr(error, "code", "error")
    if isinstance(error, SetupError):
        log.error("request %s: %s", _id(request), error)
        return problem(503, "unavailable", "The database or a key cannot be reached at the moment.", _id(request))
    if status >= 500:  # noqa: PLR2004 - HTTP
        log.error("request %s: %s: %s", _id(request), type(error).__name__, error)
    _note_refusal(request, status, code)
    more = {name: getattr(error, name, None) for name in ("field", "position", "length", "did_you_mean")}
    return problem(status, code, str(error), _id(request), **more)


def _note_refusal(request: Request, status: int, code: str) -> None:
    """Write refused actions down too: what was forbidden, and what was to change something and could not."""
    call: Call | None = getattr(request.state, "call", None)
    if call is None or (status != 403 and (request.method in {"GET", "HEAD"} or status not in {404, 409, 422})):  # noqa: PLR2004 - HTTP
        return
    with call.transaction() as session:
        call.audit(session, request.url.path.removeprefix("/api/v1"), outcome="refused", reason=code)


def _invalid(request: Request, error: Exception) -> JSONResponse:
    found = error.errors() if isinstance(error, RequestValidationError) else []
    errors = [
        FieldProblem(field="/" + "/".join(str(part)[:60] for part in one["loc"][1:]), detail=str(one["msg"])[:300]) for one in found[:20]
    ]
    malformed = any(one["type"] == "json_invalid" for one in found)
    detail = "The body is not valid JSON in UTF-8." if malformed else "; ".join(f"{one.field}: {one.detail}" for one in errors[:3])
    _note_refusal(request, 422, "invalid_input")
    return problem(
        400 if malformed else 422, "invalid_input", detail, _id(request), field=errors[0].field if errors else None, errors=errors
    )


def _http(request: Request, error: Exception) -> JSONResponse:
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = {
        400: "The body is not valid JSON in UTF-8.",
        404: "There is nothing at this address.",
        405: "This address does not know this method.",
    }
    answer = problem(status, CODES.get(status, "error"), detail.get(status, str(getattr(error, "detail", ""))), _id(request))
    answer.headers.update(getattr(error, "headers", None) or {})
    return answer


def _unavailable(request: Request, error: Exception) -> JSONResponse:
    log.error("request %s: the database: %s", _id(request), str(error).strip()[:500])
    return problem(503, "unavailable", "The database cannot be reached or is too busy at the moment.", _id(request))


def _unstorable(request: Request, _: Exception) -> JSONResponse:
    return problem(422, "invalid_input", "A value holds a character or number that cannot be stored, such as NUL.", _id(request))


def _database(request: Request, error: Exception) -> JSONResponse:
    """Unwrap what SQLAlchemy wraps."""
    inner = getattr(error, "orig", None)
    if isinstance(inner, psycopg.DataError):
        return _unstorable(request, error)
    if isinstance(inner, (psycopg.OperationalError, psycopg.InterfaceError)):
        return _unavailable(request, error)
    raise error
