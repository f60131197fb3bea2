"""The REST door: routes from the catalog, a permission for each operation, every error as problem+json."""

from __future__ import annotations

import signal
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

import anyio.to_thread
from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute

from watchfloor import __version__
from watchfloor.catalog import CATALOG
from watchfloor.doors import probes
from watchfloor.doors.api.gatekeeper import Gatekeeper
from watchfloor.doors.api.problems import Problem, answer_errors, problem
from watchfloor.kernel.artifacts.upload import UPLOAD_TYPE
from watchfloor.kernel.errors import SetupError
from watchfloor.kernel.events.changes import Listener
from watchfloor.kernel.jobs.ledger import ledger as opened_ledger
from watchfloor.kernel.jobs.ledger import make_ledger
from watchfloor.kernel.settings import KernelSettings, kernel_settings
from watchfloor.kernel.tenancy.access import enter, operation_of
from watchfloor.kernel.tenancy.limits import Limits
from watchfloor.kernel.tenancy.permissions import policy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from types import FrameType

    from fastapi import APIRouter

    from watchfloor.kernel.contract import Capability, Catalog
    from watchfloor.kernel.jobs.ledger import Ledger

PREFIX: Final = "/api/v1"
THREADS: Final = 16  # each may hold one database connection; the pool has 20
GRACE_S: Final = 3


def app() -> FastAPI:
    """Return the API of this process's settings: `uvicorn watchfloor.doors.api:app --factory`."""
    return make_app(opened_ledger(), CATALOG, kernel_settings())


def make_app(ledger: Ledger, catalog: Catalog, settings: KernelSettings, *, limits: Limits | None = None) -> FastAPI:
    """Build the API; connects to nothing yet.

    Raises:
        SetupError: An operation has no permission, is open though it has one, or two have one name.
    """
    made = FastAPI(
        title="Watchfloor", version=__version__, openapi_url=f"{PREFIX}/openapi.json", docs_url=None, redoc_url=None, lifespan=_lifespan,
        generate_unique_id_function=operation_of, swagger_ui_oauth2_redirect_url=None,
        description="Exposure management: jobs, scans, findings. Errors are problem+json; lists are paged by `after` and `next`.",
    )  # fmt: skip
    made.state.ledger, made.state.kinds, made.state.sections = ledger, catalog.kinds(), catalog.sections
    made.state.limits, made.state.listener = limits or Limits(), Listener(ledger.database)
    seen: set[str] = set()
    uploads: set[str] = set()
    _check(probes.routes, seen)
    made.include_router(probes.routes)
    described: dict[int | str, dict[str, Any]] = {status: {"model": Problem} for status in ("4XX", "5XX", 422)}
    # Addresses that others gave us are whole, ours have patterns such as /tasks/{name}: whole ones are looked at first.
    faces = [(capability, capability.faces, "") for capability in catalog]
    faces += [(capability, capability.routes, _prefix(capability)) for capability in catalog]
    for capability, face, prefix in faces:
        if face:
            routes: APIRouter = capability.load(face)
            _check(routes, seen)
            uploads |= {prefix + route.path for route in operations(routes) if _takes_a_file(route)}
            made.include_router(routes, prefix=prefix, dependencies=[Depends(enter)], responses=described)
    for capability in catalog:
        if capability.open_routes:
            routes = capability.load(capability.open_routes)
            _check(routes, seen, public=True)
            made.include_router(routes, prefix=_prefix(capability), responses=described)
    for capability in catalog:
        if capability.webhooks:
            made.webhooks.include_router(capability.load(capability.webhooks)(catalog.events().values()))
    answer_errors(made)
    made.add_middleware(Gatekeeper, hosts=_hosts(settings.api_host), refuse=problem, uploads=frozenset(uploads))
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


def _takes_a_file(route: APIRoute) -> bool:
    """Tell whether a route says that its body is a file, which it reads piece by piece."""
    return UPLOAD_TYPE in ((route.openapi_extra or {}).get("requestBody") or {}).get("content", {})


def _check(router: APIRouter, seen: set[str], *, public: bool = False) -> None:
    for route in operations(router):
        name = operation_of(route)
        if policy().permission(name) != "public" and public:
            message = f"operation {name} needs a permission and is mounted where nobody is asked for a key; mount it with the others"
            raise SetupError(message)
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


def openapi() -> dict[str, Any]:
    """Return the OpenAPI document; needs neither database nor keys."""
    return make_app(make_ledger("", bytes(32)), CATALOG, KernelSettings()).openapi()


def main(*, host: str, port: int) -> None:
    """Run the API in this process until SIGTERM or SIGINT; open streams end within 3 s, a second SIGINT does not wait."""
    import uvicorn  # noqa: PLC0415 - tests and OpenAPI need no server

    served = make_app(opened_ledger(), CATALOG, kernel_settings().model_copy(update={"api_host": host}))

    class Server(uvicorn.Server):
        """Tells the streams that it stops, and ends with 0: being told to stop is no failure."""

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            """Take note; runs between two instructions of the loop, so it takes no lock."""
            del frame
            served.state.listener.stopping = True
            self.force_exit = self.should_exit and sig == signal.SIGINT
            self.should_exit = True

    # The door has set up the logs; uvicorn's lines go there too.
    config = uvicorn.Config(
        served, host=host, port=port, log_config=None, access_log=False, timeout_graceful_shutdown=GRACE_S, server_header=False, proxy_headers=False
    )  # fmt: skip
    server = Server(config)
    with suppress(SystemExit):  # uvicorn's way of saying that it cannot listen
        server.run()
    if not server.started:
        message = (
            f"The API cannot listen on {host}:{port}; is another program there? Choose another port with --port or WATCHFLOOR_API_PORT."
        )
        raise SetupError(message)
