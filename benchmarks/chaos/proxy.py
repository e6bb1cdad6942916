"""The network between the workers and the database, which can be cut."""

import asyncio
import socket
import struct
from collections.abc import Coroutine
from contextlib import suppress
from threading import Thread
from typing import Any

from server import HOST, free_port

LINGER_NOT = struct.pack("ii", 1, 0)  # to close is to reset


class Proxy:
    """Passes bytes on between a port of its own and another one, in a thread of its own."""

    def __init__(self, upstream: int) -> None:
        self.port = free_port()
        self._upstream = upstream
        self._ends: set[asyncio.StreamWriter] = set()  # of all connections
        self._pumps: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._flows = asyncio.Event()
        self._flows.set()
        self._thread = Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self._do(self._listen())

    def close(self) -> None:
        """Cut all connections for good."""
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def stall(self) -> None:
        """Lose every packet: what is connected hangs, and so does whoever connects."""
        self._loop.call_soon_threadsafe(self._flows.clear)

    def flow(self) -> None:
        """Deliver what was held up."""
        self._loop.call_soon_threadsafe(self._flows.set)

    def refuse(self) -> None:
        """Reset every connection, and refuse new ones."""
        self._do(self._refuse())

    def accept(self) -> None:
        """Let them come again."""
        self._do(self._listen())

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=30)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._connect, HOST, self.port)

    async def _refuse(self) -> None:
        self._server.close()
        for writer in [*self._ends]:
            connection = writer.get_extra_info("socket")
            with suppress(OSError):  # closed by its other end
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
            writer.transport.abort()

    async def _end(self) -> None:
        self._flows.set()
        await self._refuse()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._ends.add(writer)
        await self._flows.wait()
        try:
            reader_up, writer_up = await asyncio.open_connection(HOST, self._upstream)
        except OSError:  # the database is away
            self._close(writer)
            return
        self._ends.add(writer_up)
        for source, target in ((reader, writer_up), (reader_up, writer)):
            pump = asyncio.create_task(self._pump(source, target))
            self._pumps.add(pump)  # a task that nobody holds may be collected
            pump.add_done_callback(self._pumps.discard)

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                await self._flows.wait()
                target.write(data)
                await target.drain()
            await self._flows.wait()
        self._close(target)

    def _close(self, writer: asyncio.StreamWriter) -> None:
        self._ends.discard(writer)
        writer.close()
