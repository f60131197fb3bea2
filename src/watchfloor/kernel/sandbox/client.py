"""The supervisor's side: run one function in a box and come back only when nothing of the box is left."""

from __future__ import annotations

import array
import contextlib
import errno
import math
import os
import selectors
import socket
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import IO, TYPE_CHECKING, Any, Self, TypeVar, cast, get_type_hints

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.errors import PydanticSchemaGenerationError
from pydantic_core import from_json, to_json

from watchfloor.kernel.clock import monotonic
from watchfloor.kernel.errors import GiveUp, SetupError
from watchfloor.kernel.sandbox import box, linux, nursery, wire
from watchfloor.kernel.sandbox.endings import death, last_words
from watchfloor.kernel.sandbox.keeper import STOP
from watchfloor.kernel.sandbox.pace import Pace
from watchfloor.kernel.sandbox.profiles import SCAN, Mode, Profile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import timedelta

Request = TypeVar("Request", bound=BaseModel)
Answer = TypeVar("Answer")

_POLL_S = 0.05
_LINGER_S = 1.0
_END_S = 40.0
_FRAMES_PER_SECOND = 100
_KEPT_PER_SECOND = 5
_PIECE = 1 << 18


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What one box was and used. `in_force` lists the layers that were proven, nothing else."""

    in_force: tuple[str, ...]
    seconds: float
    cpu_ms: int
    memory_bytes: int


class Sandbox:
    """Runs functions in boxes of one zygote; safe to share between threads and to inherit by fork."""

    def __init__(self, address: str, *, mode: Mode = Mode.BEST_EFFORT) -> None:
        """Take the zygote's address; connects only when something runs."""
        self._address = address
        self._mode = mode

    def run(
        self,
        function: Callable[[Request, Any], Answer],
        request: Request,
        *,
        deadline: timedelta,
        report: wire.Report | None = None,
        should_stop: Callable[[], bool] | None = None,
        profile: Profile = SCAN,
        observe: Callable[[Usage], None] | None = None,
        keep: Callable[[Any], dict[str, Any]] | None = None,
        stream: Callable[[bytes], None] | None = None,
        files: Mapping[str, int | IO[bytes]] | None = None,
    ) -> Answer:
        """Run a top-level `function(request, report)` in a box and return its validated answer.

        Every process of the box is gone when this returns or raises.

        Args:
            function: Its return annotation is the shape that the answer must have.
            request: Sent as JSON, at most 8 MiB; secret fields travel in clear over a private socket.
            deadline: From now; the profile's own duration bounds it too.
            report: Called in this thread with what the box reports; what it raises ends the box and passes on.
            should_stop: Asked every 50 ms; True, or raising, ends the box: SIGTERM, 300 ms, SIGKILL.
            profile: Limits.
            keep: Called in this thread with each part of the answer that the box hands over before its end, of the same shape as the
                answer; what it returns, small and plain, the box can read. What it raises ends the box and passes on.
            stream: Called in this thread with each frame that the box sends, in their order, before this returns the answer; may take
                as long as it needs, the box waits meanwhile. What it raises ends the box and passes on.
            files: Open files and descriptors that the box may use under these names, at most 128; they stay the caller's to close.
            observe: Called once with what was in force and used, however the run ended, if the box came to life.

        Raises:
            WatchfloorError: What the function raised, when it is of a class that may leave a box.
            GiveUp: "sandbox: …": any other error, a limit reached, a signal, an answer of another shape.
            Cancelled: `should_stop` returned True.
            SetupError: The zygote is gone, or isolation is 'require' and a layer is missing.
        """
        given = files or {}
        order = box.Order(
            function=box.named(function),
            request_type=box.named(type(request)),
            profile=profile,
            mode=self._mode,
            seconds=max(0.001, min(deadline, profile.duration).total_seconds()),
            files=tuple(given),
        )
        shape = _shape(function)
        body = wire.frame(wire.REQUEST, wire.pack_request(request))
        with _Run(order, wire.secrets_of(request), report, should_stop, keep, stream, shape) as run:
            run.start(self._address, _numbers(given))
            try:
                run.talk(body)
            except BaseException:
                run.report, run.keep, run.stream = None, None, None  # whoever raised is not interested in more
                run.finish(observe)
                raise
            run.finish(observe)
            return cast("Answer", run.answer())


def _numbers(files: Mapping[str, int | IO[bytes]]) -> list[int]:
    """Return the files' descriptors, with what was written to them written out."""
    if len(files) > wire.MOST_FILES:
        message = f"{len(files)} files for one box, {wire.MOST_FILES} are allowed"
        raise ValueError(message)
    for file in files.values():
        if not isinstance(file, int):
            file.flush()
    return [file if isinstance(file, int) else file.fileno() for file in files.values()]


def _shape(function: Callable[..., Any]) -> TypeAdapter[Any]:
    """Return the type that the function promises, evaluated alone: its other annotations may exist for type checkers only."""
    annotations = function.__annotations__
    if "return" not in annotations:
        message = f"{box.named(function)} needs a return annotation: it decides which answers are accepted"
        raise TypeError(message)
    alone = cast("Callable[..., Any]", SimpleNamespace(__annotations__={"return": annotations["return"]}))
    try:
        found = get_type_hints(alone, globalns=getattr(function, "__globals__", {}))["return"]
    except NameError as error:
        message = f"the return type of {box.named(function)} must be imported at run time, not for type checking only: {error}"
        raise TypeError(message) from None
    try:
        return TypeAdapter(found)
    except PydanticSchemaGenerationError:
        message = f"{box.named(function)} returns {found}, which cannot be checked; return a pydantic model"
        raise TypeError(message) from None


@dataclass
class _Run:
    """One conversation with one box."""

    order: box.Order
    secrets: tuple[str, ...]
    report: wire.Report | None
    should_stop: Callable[[], bool] | None
    keep: Callable[[Any], dict[str, Any]] | None
    stream: Callable[[bytes], None] | None
    shape: TypeAdapter[Any]
    in_force: tuple[str, ...] | None = None
    result: tuple[bytes, bytes] | None = None
    problem: str = ""
    stopped: bool = False
    asked: bool = False
    ending: bytearray = field(default_factory=bytearray)
    _buffer: bytearray = field(default_factory=bytearray)
    _reports: Pace = field(default_factory=lambda: Pace(_FRAMES_PER_SECOND, "reports"))
    _parts: Pace = field(default_factory=lambda: Pace(_KEPT_PER_SECOND, "parts of an answer"))
    _give_up: float = math.inf
    _closing: bool = False

    def __enter__(self) -> Self:
        self.control = socket.socket(socket.AF_UNIX, nursery.KIND)
        self.data, self._theirs = socket.socketpair()
        return self

    def __exit__(self, *_: object) -> None:
        for end in (self.control, self.data, self._theirs):
            end.close()

    def start(self, address: str, files: Sequence[int]) -> None:
        """Send the order with the box's end of the channel and its files."""
        handle = array.array("i", [self._theirs.fileno(), *files])
        try:
            self.control.settimeout(10)
            self.control.connect(address)
            if linux.LINUX and nursery.peer(self.control)[1] != os.geteuid():
                raise PermissionError(errno.EPERM, "another user listens there")
            self.control.sendmsg([nursery.write_order(self.order)], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, handle)])
        except OSError as error:
            message = f"The sandbox's zygote does not answer at {address} ({error.strerror or error}); restart the worker."
            raise SetupError(message) from error
        self._theirs.close()
        self.control.settimeout(0)
        self.data.settimeout(0)

    def talk(self, request: bytes) -> None:
        """Feed the request, take progress and the answer, until the keeper says that the box is gone."""
        waiting = memoryview(request)
        with selectors.DefaultSelector() as selector:
            selector.register(self.control, selectors.EVENT_READ)
            selector.register(self.data, selectors.EVENT_READ | selectors.EVENT_WRITE)
            while True:
                self._ask_to_stop()
                ready = {key.fd: mask for key, mask in selector.select(_POLL_S)}
                on_data = ready.get(self.data.fileno(), 0)
                if on_data & selectors.EVENT_WRITE and not (waiting := self._feed(waiting)):
                    selector.modify(self.data, selectors.EVENT_READ)
                if on_data & selectors.EVENT_READ and not self._take():
                    selector.unregister(self.data)
                if self.control.fileno() in ready and not self._listen():
                    return

    def finish(self, observe: Callable[[Usage], None] | None) -> None:
        """End the box if it still runs, wait until its keeper confirms, and take what was still under way."""
        self._closing = True
        with contextlib.suppress(OSError):  # the keeper has gone, and with it the box
            self.control.shutdown(socket.SHUT_WR)
        self.control.settimeout(_END_S)
        try:
            while piece := self.control.recv(_PIECE):
                self.ending += piece
        except ConnectionError:
            pass
        except TimeoutError:
            self.problem = f"processes of the box could not be ended within {_END_S:.0f} s"
        while not self.problem and self._take():
            pass
        if observe and self.in_force is not None:
            end = self._end()
            observe(
                Usage(
                    in_force=self.in_force,
                    seconds=float(end.get("seconds", 0)),
                    cpu_ms=int(end.get("cpu_ms", 0)),
                    memory_bytes=int(end.get("memory_bytes", 0)),
                )
            )

    def answer(self) -> Any:  # noqa: ANN401 - what the function's annotation says
        """Return the validated answer, or raise how the box ended."""
        if self.problem:
            raise GiveUp(f"sandbox: {self.problem}")
        if self.result is None or (self.asked and self.result[0] == wire.ERROR):
            raise death(self.order, self._end(), asked=self.asked)  # what a function says while it is being stopped is the stop's doing
        kind, body = self.result
        if kind == wire.ERROR:
            raise self._error(body)
        return self._read(body)

    def _read(self, body: bytes) -> Any:  # noqa: ANN401 - what the function's annotation says
        try:
            return self.shape.validate_json(body, by_alias=True, by_name=True)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            where = ".".join(map(str, first["loc"])) or "the answer"
            raise GiveUp(wire.scrub(f"sandbox: the answer has not the promised shape: {where}: {first['msg']}", self.secrets)) from None

    def _error(self, body: bytes) -> Exception:
        try:
            return wire.unpack_error(body, self.secrets)
        except ValueError:
            return GiveUp("sandbox: the code in the box reported an error that cannot be read")

    def _end(self) -> dict[str, Any]:
        return last_words(bytes(self.ending))

    def _ask_to_stop(self) -> None:
        if self.stopped:
            return
        self.asked = self.should_stop is not None and self.should_stop()
        if self.asked or self.problem or monotonic() >= self._give_up:
            self.stopped = True
            try:
                self.control.send(STOP)
            except OSError:
                return  # gone already; its last words are read next

    def _feed(self, waiting: memoryview) -> memoryview:
        try:
            return waiting[self.data.send(waiting[:_PIECE]) :]
        except BlockingIOError:
            return waiting
        except OSError:
            return waiting[:0]  # the box ended before it read its request; how, its keeper tells

    def _take(self) -> bool:
        """Read what is there; False when nothing more will come."""
        try:
            piece = self.data.recv(_PIECE)
        except BlockingIOError:
            return not self._closing
        except ConnectionError:
            return False
        if self.problem or not piece:
            return False
        self._buffer += piece
        try:
            for kind, body in wire.frames(self._buffer):
                self._accept(kind, body)
        except wire.Malformed as error:
            self.problem = wire.scrub(f"protocol: the code in the box wrote to its channel by itself: {error}")
        return not self.problem

    def _accept(self, kind: bytes, body: bytes) -> None:
        if self.in_force is None and kind == wire.LAYERS:
            self.in_force = tuple(map(str, from_json(body)))
        elif self.result is not None or kind in {wire.LAYERS, wire.REQUEST}:
            message = f"a frame of kind {kind!r} out of turn"
            raise wire.Malformed(message)
        elif kind == wire.PROGRESS:
            self._progress(body)
        elif kind == wire.KEEP:
            self._keep(body)
        elif kind == wire.STREAM:
            self._pass_on(body)
        else:
            self.result = (kind, body)
            self._give_up = monotonic() + _LINGER_S

    def _progress(self, body: bytes) -> None:
        self._reports.count()
        shown = wire.unpack_progress(body, self.secrets)
        if self.report is not None:
            self.report(*shown)

    def _keep(self, body: bytes) -> None:
        self._parts.count()
        # A part that nobody wants is answered all the same, or the box would wait to be asked for the next.
        reply = self.keep(self._read(body)) if self.keep is not None else {}
        try:
            self.data.send(wire.frame(wire.REPLY, to_json(reply)))
        except BlockingIOError:
            message = "replies that nobody reads"
            raise wire.Malformed(message) from None
        except OSError:
            return  # the box has ended; how, its keeper tells

    def _pass_on(self, body: bytes) -> None:
        if self.stream is None:
            message = "a stream that nobody asked for"
            raise wire.Malformed(message)
        begun = monotonic()
        self.stream(body)
        self._reports.forgive(monotonic() - begun)  # what piled up meanwhile comes at once and is no flood

    def _listen(self) -> bool:
        """Take the keeper's last words; False when it has gone."""
        try:
            piece = self.control.recv(_PIECE)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self.ending += piece
        return bool(piece)
