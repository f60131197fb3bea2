"""An S3-compatible store for tests: moto's server as a process of its own, gone with us."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator

BUCKET = "files"
SERVE = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print("http://%s:%s" % server.get_host_and_port(), flush=True)
sys.stdin.read()
"""


@contextmanager
def s3_server() -> Iterator[str]:
    """Run it with one empty bucket; yields its address. It ends when its standard input does, also when we are killed."""
    command = [sys.executable, "-c", SERVE]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as child:
        assert child.stdout is not None
        url = child.stdout.readline().strip()
        try:
            assert url, "moto's server did not start"
            httpx.put(f"{url}/{BUCKET}", trust_env=False).raise_for_status()
            yield url
        finally:
            child.kill()
