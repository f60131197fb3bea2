"""The REST door: routes from the catalog, a permission for each operation, every error as problem+json."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

import anyio.to_thread
import psycopg
from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field
from sqlalchemy.exc import DataError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from watchfloor import __version__
from watchfloor.catalog import CATALOG
from watchfloor.doors import probes
from watchfloor.doors.gatekeeper import Gatekeeper
from watchfloor.kernel.errors import SetupError, WatchfloorError
from watchfloor.kernel.events.changes import Listener
from watchfloor.kernel.jobs.ledger import ledger as opened_ledger
from watchfloor.kernel.settings import kernel_settings
from watchfloor.kernel.tenancy.access import enter, operation_of
from watchfloor.kernel.tenancy.limits import Limits
from watchfloor.kernel.tenancy.permissions import policy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from fastapi import APIRouter

    from watchfloor.kernel.contract import Capability, Catalog
    from watchfloor.kernel.jobs.ledger import Ledger
    from watchfloor.kernel.settings import KernelSettings
    from watchfloor.kernel.tenancy.access import Call

PREFIX: Final = "/api/v1"
THREADS: Final = 16  # each may hold one database connection; the pool has 20
GRACE_S: Final = 3
log = logging.getLogger("watchfloor.api")

REMEDIES: Final = {
    "invalid_input": "Correct the named field and send the request again.",
    "unauthenticated": "Send `Authorization: Bearer wf_…` with a valid key.",
    "forbidden": "Use a key whose role has this permission.",
    "not_found": "Check the address and the id; what belongs to another organisation looks the same.",
    "method_not_allowed": "The Allow header names the methods this address knows.",
    "conflict": "Read the thing's present state, then decide.",
    "too_large": "Send less at once.",
    "too_much": "Wait as long as Retry-After says.",
    "out_of_scope": "Add the target to the scope if you may look at it.",
    "unavailable": "Try again in a few seconds; nothing that was accepted is lost. `watchfloor doctor` says what is wrong.",
    "error": "This is a fault of the server. Its log names the request id.",
}
CODES: Final = {400: "invalid_input", 401: "unauthenticated", 403: "forbidden", 404: "not_found", 405: "method_not_allowed", 413: "too_large", 422: "invalid_input"}


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
    errors: list[FieldProblem] = []


def app() -> FastAPI:
    """Return the API of this process's settings: `uvicorn watchfloor.doors.api:app --factory`."""
    return make_app(opened_ledger(), CATALOG, kernel_settings())


def make_app(ledger: Ledger, catalog: Catalog, settings: KernelSettings, *, limits: Limits | None = None) -> FastAPI:
    """Build the API; connects to nothing yet.

    Raises:
        SetupError: An operation has no permission, or two have one name.
    """
    made = FastAPI(
        title="Watchfloor", version=__version__, openapi_url=f"{PREFIX}/openapi.json", docs_url=None, redoc_url=None, lifespan=_lifespan,
        generate_unique_id_function=operation_of, swagger_ui_oauth2_redirect_url=None,
        description="Exposure management: jobs, scans, findings. Errors are problem+json; lists are paged by `after` and `next`.",
    )  # fmt: skip
    made.state.ledger, made.state.kinds = ledger, catalog.kinds()
    made.state.limits, made.state.listener = limits or Limits(), Listener(ledger.database)
    seen: set[str] = set()
    _check(probes.routes, seen)
    made.include_router(probes.routes)
    described: dict[int | str, dict[str, Any]] = {status: {"model": Problem} for status in ("4XX", "5XX", 422)}
    for capability in catalog:
        if capability.routes:
            routes: APIRouter = capability.load(capability.routes)
            _check(routes, seen)
            made.include_router(routes, prefix=_prefix(capability), dependencies=[Depends(enter)], responses=described)
    _answer_errors(made)
    made.add_middleware(Gatekeeper, hosts=_hosts(settings.api_host), refuse=problem)
    return made


def _prefix(capability: Capability) -> str:
    """Kernel nouns name their addresses themselves (jobs has /queues too); a capability lives under its own name."""
    return PREFIX if capability.package.startswith("watchfloor.kernel.") else f"{PREFIX}/{capability.name}"


def operations(router: APIRouter | FastAPI) -> Iterator[APIRoute]:
    """Yield every route of a router, those of included routers too."""
    for route in router.routes:
        if isinstance(route, APIRoute):
            yield route
        elif (inner := getattr(route, "original_router", None)) is not None:
            yield from operations(inner)


def _check(router: APIRouter, seen: set[str]) -> None:
    for route in operations(router):
        name = operation_of(route)
        policy().permission(name)
        if name in seen:
            message = f"two operations are named {name}; a route's function name must be unique in the product"
            raise SetupError(message)
        seen.add(name)


def _hosts(listening: str) -> frozenset[str] | None:
    """Return the Host names to answer to: on loopback only its own, so that a web page cannot rebind a name to it; else any."""
    try:
        loopback = ip_address(listening.strip("[]")).is_loopback
    except ValueError:
        loopback = listening == "localhost"
    return frozenset({"localhost", "127.0.0.1", "::1", listening.strip("[]")}) if loopback else None


@asynccontextmanager
async def _lifespan(_: FastAPI) -> AsyncIterator[None]:
    anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
    yield


def _answer_errors(made: FastAPI) -> None:
    made.add_exception_handler(WatchfloorError, _expected)
    made.add_exception_handler(RequestValidationError, _invalid)
    made.add_exception_handler(HTTPException, _http)
    for kind in (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout):
        made.add_exception_handler(kind, _unavailable)
    for kind in (psycopg.DataError, DataError, UnicodeEncodeError):
        made.add_exception_handler(kind, _unstorable)
    made.add_exception_handler(DBAPIError, _database)
    made.add_exception_handler(Exception, _unexpected)


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
    return problem(status, code, str(error), _id(request), field=getattr(error, "field", None))


def _note_refusal(request: Request, status: int, code: str) -> None:
    """Write refused actions down too: what was forbidden, and what was to change something and could not."""
    call: Call | None = getattr(request.state, "call", None)
    if call is None or (status != 403 and (request.method in {"GET", "HEAD"} or status not in {404, 409, 422})):  # noqa: PLR2004 - HTTP
        return
    with call.transaction() as session:
        call.audit(session, request.url.path.removeprefix(PREFIX), outcome="refused", reason=code)


def _invalid(request: Request, error: Exception) -> JSONResponse:
    found = error.errors() if isinstance(error, RequestValidationError) else []
    errors = [FieldProblem(field="/" + "/".join(str(part)[:60] for part in one["loc"][1:]), detail=str(one["msg"])[:300]) for one in found[:20]]
    malformed = any(one["type"] == "json_invalid" for one in found)
    detail = "The body is not valid JSON in UTF-8." if malformed else "; ".join(f"{one.field}: {one.detail}" for one in errors[:3])
    _note_refusal(request, 422, "invalid_input")
    return problem(400 if malformed else 422, "invalid_input", detail, _id(request), field=errors[0].field if errors else None, errors=errors)


def _http(request: Request, error: Exception) -> JSONResponse:
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = {400: "The body is not valid JSON in UTF-8.", 404: "There is nothing at this address.", 405: "This address does not know this method."}
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
    return _unexpected(request, error)


def _unexpected(request: Request, error: Exception) -> JSONResponse:
    log.error("request %s failed", _id(request), exc_info=error)
    return problem(500, "error", "The server failed on this request.", _id(request))


def serve(*, host: str | None = None, port: int | None = None, log_level: str | None = None) -> None:
    """Run the API in this process until SIGTERM or SIGINT; open streams get 3 s to end."""
    import uvicorn  # noqa: PLC0415 - tests and OpenAPI need no server

    settings = kernel_settings()
    settings = settings.model_copy(update={"api_host": host} if host else {})
    level = (log_level or settings.log_level).lower()
    uvicorn.run(
        make_app(opened_ledger(), CATALOG, settings), host=settings.api_host, port=settings.api_port if port is None else port, log_level=level,
        access_log=level == "debug", timeout_graceful_shutdown=GRACE_S, server_header=False, proxy_headers=False, h11_max_incomplete_event_size=64 * 1024,
    )  # fmt: skip
