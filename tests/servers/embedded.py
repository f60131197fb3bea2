"""PostgreSQL and Valkey for tests: the product's own way of starting them, without its care for power cuts."""

from __future__ import annotations

import shutil
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.servers.server import Server, folder, free_port, serving
from watchfloor.kernel.embedded.directory import Directory
from watchfloor.kernel.embedded.postgres import Postgres
from watchfloor.kernel.embedded.valkey import Valkey

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


@contextmanager
def postgres_server(home: Path | None = None, *, fsync: bool = False, settings: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Run PostgreSQL; its URL is the owner's for the database `watchfloor`, and wf_login has the owner's password."""
    with ExitStack() as stack:
        directory = Directory(home or stack.enter_context(folder("pg")))
        careless = {} if fsync else {"fsync": "off", "full_page_writes": "off"}
        made, _ = directory.passwords()
        postgres = Postgres(directory, replace(made, login=made.owner), {**careless, **(settings or {})})
        postgres.prepare(new_passwords=False)
        server = Server(postgres.url(), postgres.launch, postgres.stop, lambda: shutil.rmtree(postgres.cluster))
        yield stack.enter_context(serving(server))


@contextmanager
def valkey_server(home: Path | None = None, *, durable: bool = False, tcp: bool = False) -> Iterator[Server]:
    """Run Valkey; its URL is kombu's: `redis+socket://…`, or `redis://…` on a free loopback port with `tcp`."""
    with ExitStack() as stack:
        directory = Directory(home or stack.enter_context(folder("vk")))
        port = free_port()
        listen = {"port": str(port), "bind": "127.0.0.1"} if tcp else {}
        passwords = directory.passwords()[0]
        valkey = Valkey(directory, passwords, {"appendonly": "yes" if durable else "no", **listen})
        url = f"redis://:{passwords.broker}@127.0.0.1:{port}/0" if tcp else valkey.url()
        yield stack.enter_context(
            serving(Server(url, valkey.launch, valkey.stop, lambda: shutil.rmtree(valkey.folder / "appendonlydir", ignore_errors=True)))
        )
