"""A private PostgreSQL on a unix socket: made once, started as our child, never reachable by TCP."""

from __future__ import annotations

import contextlib
import shutil
import signal
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

from watchfloor.kernel import clock
from watchfloor.kernel.embedded import process
from watchfloor.kernel.embedded.account import own
from watchfloor.kernel.embedded.programs import find_postgres, within_reach
from watchfloor.kernel.errors import SetupError

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from watchfloor.kernel.embedded.directory import Directory, Passwords

OWNER, LOGIN, DATABASE = "wf_owner", "wf_login", "watchfloor"
READY_SECONDS = 300.0  # a crash recovery may take minutes
CRASH_SECONDS, CRASH_POLL_SECONDS = 30.0, 0.2
READY_LINE = 8  # of postmaster.pid

SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "port": "5432",  # names the socket file
    "max_connections": "100",
    "shared_buffers": "256MB",  # what searches over all advisories read again and again; memory is taken as pages are used
    "max_wal_size": "256MB",
    "synchronous_commit": "on",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Statements and details carry people's data: neither reaches the log.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
}


@dataclass
class Postgres:
    """One cluster in a data directory; `settings` are added to SETTINGS."""

    directory: Directory
    passwords: Passwords
    settings: Mapping[str, str] = field(default_factory=dict)
    name: str = "postgres"

    def __post_init__(self) -> None:
        """Work out the paths; nothing starts yet."""
        self.cluster = self.directory.path / "postgres"
        self.sockets = self.directory.sockets()
        self.log = self.directory.logs / "postgres.log"
        self.program = find_postgres(self._major())
        self.server = within_reach(self.program, self.directory.account, self.directory.path)

    def url(self, user: str = OWNER, database: str = DATABASE) -> str:
        """Return libpq's address for one of our two users."""
        password = self.passwords.owner if user == OWNER else self.passwords.login
        return f"postgresql://{user}:{password}@/{database}?host={quote(str(self.sockets), safe='')}"

    def _major(self) -> int | None:
        version = self.cluster / "PG_VERSION"
        try:
            return int(version.read_text(encoding="ascii"))
        except FileNotFoundError:
            return None
        except ValueError as error:
            message = f"{version} is damaged: restore {self.cluster} from a backup, or move it away to begin with an empty database."
            raise SetupError(message) from error

    def prepare(self, *, new_passwords: bool) -> None:
        """Make the cluster when there is none; give it the passwords when they are new."""
        if not self.cluster.exists():
            self._create()
        elif new_passwords:
            self._tell(self.cluster, self._roles())

    def _create(self) -> None:
        draft = self.cluster.with_name("postgres.new")  # a half-made cluster never gets the real name
        if draft.exists():
            shutil.rmtree(draft)
        draft.mkdir(mode=0o700)
        own(draft, self.directory.account)
        secret = self.sockets / "owner.password"
        process.write_secret(secret, self.passwords.owner, self.directory.account)
        durable = [] if self.settings.get("fsync") != "off" else ["--no-sync"]
        try:
            self._run(
                "initdb", "-D", draft, "-U", OWNER, f"--pwfile={secret}", "--auth=scram-sha-256", "-E", "UTF8", "--no-locale", *durable
            )
        finally:
            secret.unlink()
        self._tell(draft, [f"CREATE DATABASE {DATABASE} OWNER {OWNER};", *self._roles()])
        draft.rename(self.cluster)

    def _roles(self) -> Sequence[str]:
        return (
            f"ALTER ROLE {OWNER} PASSWORD '{self.passwords.owner}';",
            f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{LOGIN}') THEN CREATE ROLE {LOGIN}; END IF; END $$;",
            f"ALTER ROLE {LOGIN} LOGIN NOSUPERUSER NOINHERIT NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD '{self.passwords.login}';",
        )

    def _tell(self, cluster: Path, statements: Sequence[str]) -> None:
        """Run statements in single-user mode: no socket, no other client, and passwords go through a pipe."""
        self._run(
            "postgres", "--single", "-D", cluster, "-c", "log_min_error_statement=panic", "postgres", stdin="\n".join(statements) + "\n"
        )

    def _run(self, program: str, *arguments: str | Path, stdin: str = "") -> None:
        done = process.run([self.server.with_name(program), *arguments], account=self.directory.account, stdin=stdin)
        wrong = [
            line.strip() for line in done.stderr.splitlines() if any(word in line for word in ("ERROR:", "FATAL:", "PANIC:", "error:"))
        ]
        if done.returncode or wrong:
            said = " | ".join(wrong or done.stderr.strip().splitlines()[-3:])
            message = f"PostgreSQL {self.program.version} could not set up its database in {self.directory.path}: {said}. Check free disk space and permissions there."
            raise SetupError(message)

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start the server without waiting for it."""
        self._forget_stranger()
        options = {**SETTINGS, "unix_socket_directories": str(self.sockets), **self.settings}
        flags = [part for key, value in options.items() for part in ("-c", f"{key}={value}")]
        return process.spawn(
            [self.server, "-D", self.cluster, *flags], log=self.log, account=self.directory.account, last_word=signal.SIGINT
        )

    def wait(self, child: subprocess.Popen[bytes]) -> None:
        """Return when the server accepts connections; raises SetupError with the end of its log."""
        process.wait_until(lambda: self._ready(child.pid), child, what="PostgreSQL", log=self.log, patience_seconds=READY_SECONDS)

    def launch(self) -> subprocess.Popen[bytes]:
        """Start the server and return when it accepts connections, also after a crash whose last sessions are still ending."""
        deadline = clock.monotonic() + CRASH_SECONDS
        while True:
            child = self.spawn()
            try:
                self.wait(child)
            except SetupError as error:
                if "pre-existing shared memory" not in str(error) or clock.monotonic() > deadline:
                    raise
                time.sleep(CRASH_POLL_SECONDS)
            else:
                return child

    def _ready(self, pid: int) -> bool:
        lines = self._pid_file()
        return len(lines) >= READY_LINE and lines[0].strip() == str(pid) and lines[READY_LINE - 1].strip() == "ready"

    def _pid_file(self) -> list[str]:
        with contextlib.suppress(FileNotFoundError):
            return (self.cluster / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
        return []

    def _forget_stranger(self) -> None:
        """Remove a stale postmaster.pid whose number now belongs to another program, as happens in restarted containers."""
        lines = self._pid_file()
        if lines and lines[0].strip().isdigit() and process.name(int(lines[0])) not in {None, "postgres"}:
            (self.cluster / "postmaster.pid").unlink()

    def stop(self, child: subprocess.Popen[bytes]) -> None:
        """End sessions, write everything down, stop."""
        process.stop(child, signal.SIGINT)
