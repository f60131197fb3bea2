"""What most scripts do: asyncio.open_connection behind a semaphore, one try, one second; prints one `address port` a line."""

from __future__ import annotations

import asyncio
import sys

PATIENCE_S = 1.0


async def scan(addresses: list[str], first: int, last: int, at_once: int) -> None:
    """Ask every port of every address."""
    room = asyncio.Semaphore(at_once)

    async def one(address: str, port: int) -> None:
        async with room:
            try:
                _, writer = await asyncio.wait_for(asyncio.open_connection(address, port), PATIENCE_S)
            except (OSError, TimeoutError):
                return
            writer.close()
            print(address, port)

    async with asyncio.TaskGroup() as group:
        for address in addresses:
            for port in range(first, last + 1):
                group.create_task(one(address, port))


if __name__ == "__main__":
    asyncio.run(scan(sys.argv[4].split(","), int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
