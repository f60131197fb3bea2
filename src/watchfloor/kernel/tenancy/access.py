"""Who asks, and may they: what every route of the REST API is given.

A route is a plain function in a capability's `api.py`; its name is the OpenAPI operationId, which rbac.toml maps to a permission:

    routes = APIRouter()

    @routes.get("/{scan}")
    def get_scan(caller: Caller, scan: UUID) -> ScanView:
        with caller.transaction() as session:
            return queries.get_scan(session, caller.org, scan)

The door mounts `routes` at /api/v1/<capability> and authenticates every request before the function runs; the permission is that of
rbac.toml. Routes are not `async`: they run in the API's thread pool. A request that may be repeated goes through `caller.once`. Errors
of `kernel.errors` become problem+json. Query parameters a route does not declare are refused.
"""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, cast

from fastapi import Depends, Header, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from watchfloor.kernel.audit.record import record
from watchfloor.kernel.errors import Forbidden, InvalidInput, Unauthenticated
from watchfloor.kernel.tenancy.keys import Actor, authenticate
from watchfloor.kernel.tenancy.permissions import policy
from watchfloor.kernel.tenancy.queries import recall, remember

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from uuid import UUID

    from pydantic import BaseModel
    from sqlalchemy.orm import Session

    from watchfloor.kernel.contract import JobKind
    from watchfloor.kernel.events.changes import Listener
    from watchfloor.kernel.jobs.ledger import Ledger
    from watchfloor.kernel.sections import ReportSection
    from watchfloor.kernel.tenancy.limits import Limits

bearer = HTTPBearer(auto_error=False, scheme_name="apiKey", description="An API key: wf_…")
IdempotencyKey: TypeAlias = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key", min_length=1, max_length=200, pattern=r"^[\x21-\x7e]*$",
        description="Repeat a request safely for 24 hours: the same key and body answer as the first time, another body is a 409.",
    ),
]  # fmt: skip


@dataclass(frozen=True)
class Call:
    """One authenticated request, and what its route works with."""

    ledger: Ledger
    actor: Actor
    operation: str
    request: Request

    @property
    def org(self) -> UUID:
        """Return the organisation on whose data the request works."""
        return self.actor.org

    @property
    def name(self) -> str:
        """Return the actor's name, for audit rows and jobs."""
        return self.actor.name

    @property
    def kinds(self) -> Mapping[str, JobKind[Any, Any]]:
        """Return every job kind of this installation by its name."""
        return cast("Mapping[str, JobKind[Any, Any]]", self.request.app.state.kinds)

    @property
    def sections(self) -> Mapping[str, ReportSection]:
        """Return every capability's part of reports by its name."""
        return cast("Mapping[str, ReportSection]", self.request.app.state.sections())

    @property
    def limits(self) -> Limits:
        """Return what this process allows each key."""
        return cast("Limits", self.request.app.state.limits)

    @property
    def listener(self) -> Listener:
        """Return this process's ear for live changes."""
        return cast("Listener", self.request.app.state.listener)

    def transaction(self) -> AbstractContextManager[Session]:
        """Open a transaction in which exactly the actor's organisation exists."""
        return self.ledger.database.transaction(self.org)

    @contextmanager
    def engine(self) -> Iterator[Session]:
        """Open a transaction over queues, workers and jobs of all organisations; give `caller.org` to what you ask there."""
        with self.ledger.database.engine_transaction() as session:
            yield session

    def kind(self, name: str) -> JobKind[Any, Any]:
        """Return a job kind that the actor may run.

        Raises:
            InvalidInput: There is no such kind.
            Forbidden: The actor may not run it.
        """
        kind = self.kinds.get(name)
        if kind is None:
            message = f"there is no job kind {name[:60]!r}; GET /api/v1/kinds lists those there are"
            raise InvalidInput(message, field="/kind")
        self.require(f"job.run:{name}")
        if kind.permission:
            self.require(kind.permission)
        return kind

    def require(self, permission: str) -> None:
        """Raise Forbidden unless the actor has this permission."""
        if not self.actor.may(permission):
            message = f"Your role {self.actor.role} lacks the permission {permission}. Ask an administrator for a key that has it."
            raise Forbidden(message)

    def audit(self, session: Session, object: object, *, outcome: str = "ok", reason: str | None = None) -> None:  # noqa: A002 - the audit's own word
        """Record this request as an action on an object, in the transaction that does it."""
        client = self.request.client
        record(
            session, self.org, actor=self.name, operation=self.operation, object=str(object), outcome=outcome, reason=reason,
            request_id=self.request.scope.get("request_id"), address=client.host if client else None,
        )  # fmt: skip

    def once(
        self,
        key: str | None,
        body: BaseModel,
        act: Callable[[Session], BaseModel],
        *,
        status: int = 202,
        after: Callable[[], None] | None = None,
    ) -> Response:
        """Act in one transaction and answer with what `act` returns; with an idempotency key, only once in 24 hours.

        Args:
            key: The request's Idempotency-Key, if it has one.
            body: What was asked; another body under the same key is a Conflict.
            act: Does the work; called once, or not at all when the answer is known.
            status: The answer's HTTP status.
            after: Called after the commit of new work, such as ringing the doorbell.
        """
        with self.transaction() as session:
            if key is not None:
                asked = f"{self.operation} {self.request.url.path}\n{body.model_dump_json()}"
                known = recall(session, self.org, str(self.actor.key), key, hashlib.sha256(asked.encode()).digest())
                if known is not None:
                    return Response(known[1], known[0], {"Idempotency-Replayed": "true"}, "application/json")
            answer = act(session).model_dump_json().encode()
            if key is not None:
                remember(session, self.org, str(self.actor.key), key, status, answer)
        if after:
            after()
        return Response(answer, status, media_type="application/json")


def operation_of(route: Any) -> str:  # noqa: ANN401 - an APIRoute of whichever FastAPI
    """Return the operationId of a route: the one it names, else its function's name."""
    return str(route.operation_id or route.name)


def enter(request: Request, _: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]) -> Call:
    """Authenticate one request and check its operation's permission; the dependency behind `Caller`."""
    state, route = request.app.state, request.scope["route"]
    address = request.client.host if request.client else "local"
    try:
        actor = authenticate(state.ledger, request.headers.get("authorization"))
    except Unauthenticated:
        state.limits.guess(address, 1)  # slows down whoever guesses; a valid key from the same address (a proxy) is none of it
        raise
    state.limits.request(actor.key)
    call = Call(state.ledger, actor, operation_of(route), request)
    request.state.call = call
    call.require(policy().permission(call.operation))
    _refuse_unknown(request, route)
    return call


def _refuse_unknown(request: Request, route: Any) -> None:  # noqa: ANN401 - see operation_of
    """Refuse a query parameter that would silently have no effect."""
    known = {field.alias for field in route.dependant.query_params}
    unknown = next((name for name in request.query_params if name not in known), None)
    if unknown is not None:
        message = f"there is no parameter {unknown[:60]!r} here; " + (
            f"there are {', '.join(sorted(known))}" if known else "this operation has none"
        )
        raise InvalidInput(message, field=f"/{unknown[:60]}")


Caller: TypeAlias = Annotated[Call, Depends(enter)]
