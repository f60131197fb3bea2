"""The worker door: Celery's worker with one task per job kind, a warden beside it, and boxes for what meets the outside."""

from __future__ import annotations

import contextlib
import ctypes
import json
import logging
import os
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from celery import bootsteps, signals
from celery.platforms import EX_FAILURE

from watchfloor import __version__
from watchfloor.catalog import CATALOG
from watchfloor.kernel.clock import monotonic
from watchfloor.kernel.jobs.board import Board
from watchfloor.kernel.jobs.broker.app import LedgerApp, Wiring, make_app
from watchfloor.kernel.jobs.broker.app import Profile as BrokerProfile
from watchfloor.kernel.jobs.broker.keyring import Keyring
from watchfloor.kernel.jobs.facade import apply_async, read_job
from watchfloor.kernel.jobs.ledger import broker_url, ledger, org_named
from watchfloor.kernel.jobs.runner import Runner
from watchfloor.kernel.jobs.warden import HAND_BACK_GRACE_S, REJECTIONS, Post, Warden, children_of, farewell
from watchfloor.kernel.sandbox import zygote
from watchfloor.kernel.sandbox.client import Sandbox
from watchfloor.kernel.settings import kernel_settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PR_SET_PDEATHSIG = 1
PIPE_BYTES = 4096  # a write of up to this size is never torn
STEADY_S = 5.0  # a worker that fails sooner than this would fail again if it were started again

log = logging.getLogger("watchfloor.worker")


class Worker:
    """One worker process tree: parent, warden, zygote, pool."""

    def __init__(self) -> None:
        """Map the shared page and open the pipe for refusals, before anything is forked."""
        self.board = Board()
        self.folder = Path(tempfile.mkdtemp(prefix="watchfloor-worker-"))
        self.keyring = Keyring(self.folder / "keyring.json")
        self._refused_read, self._refused_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._zygote: zygote.Zygote | None = None
        self._runner: tuple[int, Runner] | None = None
        self._warden = 0
        self._queues: tuple[str, ...] = ()
        self._parent = os.getpid()
        self._begun = monotonic()
        self.dismissed = False  # told to stop, by whatever signal: Celery ends with 1 after Ctrl-C as well as after a failure

    def start(self, *, queues: Sequence[str], slots: int, pool: str) -> None:
        """Start zygote and warden; the pool is Celery's and comes after."""
        self._zygote = zygote.start(preload=["watchfloor.kernel.errors", "pydantic"], warm=CATALOG.boxes(queues))
        post = Post(
            queues=tuple(queues), slots=slots, pool=pool, kinds=tuple(sorted(CATALOG.kinds())), code=__version__,
            keyring=self.folder / "keyring.json", drain_s=kernel_settings().worker_drain.total_seconds(), may_kill=pool == "prefork",
        )  # fmt: skip
        self._queues = post.queues
        parent = os.getpid()
        here = ledger()
        self._warden = os.fork()
        if self._warden == 0:
            self._be_warden(here, post, parent)
        threading.Thread(target=self._watch_warden, name="watch-warden", daemon=True).start()

    def on_ticket(self, kind: str, jobs: Sequence[tuple[UUID, int]], queue: str) -> None:
        """Run a ticket's jobs; in a pool process or thread."""
        if self._runner is None or self._runner[0] != os.getpid():
            self._runner = (os.getpid(), self._make_runner())
        self._runner[1].on_ticket(kind, jobs, queue)

    def join_pool(self) -> None:
        """In a new pool process: die with the parent, listen to the warden, own no inherited connection."""
        if os.getpid() == self._parent:
            return  # the solo pool: jobs run in the parent itself
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        self._runner = (os.getpid(), self._make_runner())
        self._runner[1].listen()

    def _make_runner(self) -> Runner:
        return Runner(
            ledger(), CATALOG.kinds(), self.board, sandbox=self._sandbox, sections=CATALOG.sections, holds=CATALOG.holds, on_dropped=self.on_rejected
        )  # fmt: skip

    def on_rejected(self, reason: str, detail: Mapping[str, str]) -> None:
        """Hand a refusal to the warden; a flood that fills the pipe is cut, the warden has counted enough by then."""
        line = f"{reason}\t{json.dumps(detail, sort_keys=True)}\n".encode()[:PIPE_BYTES]
        with contextlib.suppress(BlockingIOError):
            os.write(self._refused_write, line)

    def now_ms(self) -> int:
        """Return the database's time as the warden last compared it."""
        return time.time_ns() // 1_000_000 + self.board.offset_ms

    def _sandbox(self) -> Sandbox:
        if self._zygote is None:
            message = "the sandbox was not started"
            raise RuntimeError(message)
        return Sandbox(self._zygote.address)

    def _be_warden(self, here: Any, post: Post, parent: int) -> None:  # noqa: ANN401 - a Ledger
        code = 70
        try:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            Warden(here, self.board, post, parent, self._refusals).run()
            code = 0
        except BaseException:
            log.exception("the warden failed")
        finally:
            os._exit(code)

    def _refusals(self) -> Counter[tuple[str, str]]:
        counted: Counter[tuple[str, str]] = Counter()
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(self._refused_read, 1 << 16):
                for line in chunk.decode("ascii", "replace").splitlines():
                    reason, _, detail = line.partition("\t")
                    key = (reason[:64], detail[:1024])
                    counted[key if key in counted or len(counted) < REJECTIONS else (reason[:64], "")] += 1
        return counted

    def _watch_warden(self) -> None:
        """Without a warden nobody beats: this worker would be reaped while it works. Hand everything back and start anew."""
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._warden, 0)
        self.board.deserted = True
        if not self.board.stopping:
            log.error("the warden is gone; this worker hands its jobs back and restarts")
            self.board.deaf = True
            os.kill(os.getpid(), signal.SIGTERM)
        threading.Event().wait(HAND_BACK_GRACE_S)
        for child in children_of(os.getpid()) - {self._zygote.pid if self._zygote else 0}:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)

    def fail(self) -> None:
        """Start anew what Celery gave up, as it does when a pool process ends in the moment in which the broker is back."""
        if monotonic() - self._begun > STEADY_S and not (self.board.deaf or self.dismissed):
            log.error("this worker failed and restarts")
            self.board.deaf = True

    def part(self) -> None:
        """Dismiss the warden of a worker that starts anew in the same process: it would take the new one for its own."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._warden, signal.SIGKILL)
        farewell(ledger(), self.board.session, self._queues)

    def close(self) -> None:
        """Stop the boxes; the warden, which outlives this process, removes the rest."""
        if self._zygote is not None:
            self._zygote.stop()


class Station(bootsteps.StartStopStep):  # type: ignore[misc] # Celery has no type hints
    """Tells the warden that this worker is about to stop, however it was asked to."""

    def close(self, _worker: object) -> None:
        """Take no more work, start the time that running jobs have left."""
        the_worker().board.stopping = True

    def stop(self, _worker: object) -> None:
        """Nothing is left to stop here."""


@cache
def the_worker() -> Worker:
    """Return this process's worker, made when the first of its parts is needed."""
    return Worker()


@cache
def application() -> LedgerApp:
    """Return the Celery application, made once a process: `celery -A watchfloor` and `watchfloor worker` share it."""
    settings = kernel_settings()
    wiring = Wiring(
        on_ticket=lambda kind, jobs, queue: the_worker().on_ticket(kind, jobs, queue), keys=lambda: the_worker().keyring(),
        on_rejected=lambda reason, detail: the_worker().on_rejected(reason, detail), now_ms=lambda: the_worker().now_ms(),
        read=_read, cancel=_cancel, enqueue=_enqueue,
    )  # fmt: skip
    app = make_app(
        broker_url(settings),
        CATALOG.kinds(),
        profile=BrokerProfile(settings.profile),
        wiring=wiring,
        drain_s=settings.worker_drain.total_seconds(),
    )
    app.catalog = CATALOG
    app.conf.beat_scheduler = "watchfloor.kernel.jobs.broker.beat:LedgerBeat"
    app.steps["worker"].add(Station)
    signals.worker_init.connect(_on_worker_init, weak=False)
    signals.worker_process_init.connect(_on_pool_process, weak=False)
    signals.worker_process_shutdown.connect(_on_pool_process_end, weak=False)
    signals.worker_shutting_down.connect(_on_shutting_down, weak=False)
    signals.worker_shutdown.connect(_on_shutdown, weak=False)
    signals.task_received.connect(_on_received, weak=False)
    return app


def main(
    *, queues: Sequence[str] = (), concurrency: int | None = None, autoscale: str | None = None, pool: str = "prefork", loglevel: str | None = None,
    max_tasks_per_child: int | None = None,
) -> None:  # fmt: skip
    """Run a worker until it is told to stop; one that went deaf or failed starts itself anew."""
    settings = kernel_settings()
    argv = ["--quiet", "worker", f"--pool={pool}", f"--loglevel={loglevel or settings.log_level}", "--without-gossip", "--without-mingle"]
    argv += [f"--concurrency={concurrency or settings.worker_concurrency}", f"--hostname=watchfloor-{os.getpid()}@%h"]
    argv += [f"--queues={','.join(queues)}"] if queues else []
    argv += [f"--autoscale={autoscale}"] if autoscale else []
    argv += [f"--max-tasks-per-child={max_tasks_per_child}"] if max_tasks_per_child else []
    app = application()
    # This door has set up logging already, with redaction; `celery -A watchfloor worker` leaves it to Celery.
    app.conf.update(worker_hijack_root_logger=False, worker_redirect_stdouts=False)
    try:
        app.worker_main(argv)
    finally:
        the_worker().close()
        if the_worker().board.deaf:
            os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - this very command again


def _on_worker_init(sender: Any, **_: object) -> None:  # noqa: ANN401 - Celery's WorkController
    queues = sorted(sender.app.amqp.queues.consume_from)
    autoscale = sender.options.get("autoscale")  # "10,3", or the pair of it
    most = autoscale.partition(",")[0] if isinstance(autoscale, str) else autoscale[0] if autoscale else sender.concurrency
    slots = int(most or kernel_settings().worker_concurrency)
    pool = str(sender.pool_cls).lower()
    known = next((name for name in ("prefork", "solo", "thread") if name in pool), "other")
    the_worker().start(queues=queues, slots=1 if known == "solo" else slots, pool=known)


def _on_pool_process(**_: object) -> None:
    the_worker().join_pool()


def _on_pool_process_end(pid: int | None = None, **_: object) -> None:
    the_worker().board.leave(pid or os.getpid())


def _on_shutting_down(**_: object) -> None:
    the_worker().board.stopping = the_worker().dismissed = True


def _on_shutdown(sender: Any, **_: object) -> None:  # noqa: ANN401 - Celery's WorkController
    if sender.exitcode == EX_FAILURE:
        the_worker().fail()
    if the_worker().board.deaf or the_worker().board.deserted:
        the_worker().part()


def _on_received(**_: object) -> None:
    the_worker().board.received_at = monotonic()


def _read(job: str) -> dict[str, Any] | None:
    try:
        return read_job(ledger(), org_named(kernel_settings().default_org), UUID(job))
    except ValueError:
        return None


def _cancel(job: str) -> None:
    from watchfloor.kernel.jobs.cancel import cancel  # noqa: PLC0415 - only `revoke` needs it

    cancel(ledger(), org_named(kernel_settings().default_org), [UUID(job)], actor="celery")


def _enqueue(kind: str, args: Sequence[object], arguments: Mapping[str, object], options: Mapping[str, object]) -> str:
    kinds = CATALOG.kinds()
    if kind not in kinds:
        message = f"there is no job kind {kind!r}; there are {', '.join(sorted(kinds))}"
        raise TypeError(message)
    return apply_async(kinds[kind], tuple(args), dict(arguments), {"actor": "celery", **options}).id


def __getattr__(name: str) -> Any:  # noqa: ANN401 - the Celery application
    """Offer `app`, as Celery's command line expects it."""
    if name == "app":
        return application()
    raise AttributeError(name)
