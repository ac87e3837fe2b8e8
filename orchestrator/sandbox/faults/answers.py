"""Faults of HTTP: what becomes of a request and its answer."""

import asyncio
import contextlib
import mimetypes
import socket
import struct
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from orchestrator.sandbox.execution import Sleep
from orchestrator.sandbox.faults.kinds import (
    AnswerLate,
    AnswerTwice,
    BadGateway,
    EnormousImage,
    HtmlInsteadOfImage,
    HttpFault,
    NeverAnswer,
    NotFound,
    RepeatRequest,
    Reset,
    SlowDrip,
    TruncatedImage,
    WrongContentType,
)
from orchestrator.sandbox.image_routes import StoredFile

_ZEROS: Final = bytes(64 * 1024)
_RESET_AT_ONCE: Final = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class Exchange:
    """A request on its way to the handler, and its answer on the way back."""

    request: web.Request
    handler: Handler
    response: web.StreamResponse | None = None
    """Set before the handler was asked, it stands in for what that would say."""

    @property
    def transport(self) -> asyncio.Transport | None:
        return self.request.transport  # None when the client has gone

    async def body(self) -> bytes:
        """What the answer would carry."""
        if isinstance(self.response, StoredFile):
            return await asyncio.to_thread(self.response.path.read_bytes)
        body = self.response.body if isinstance(self.response, web.Response) else None
        return body if isinstance(body, bytes) else b""

    def headers(self) -> dict[str, str]:
        """The answer's headers, but for those that tell its length and connection."""
        assert self.response is not None
        headers = {"Content-Type": self.response.content_type, **self.response.headers}
        if isinstance(self.response, StoredFile):
            kind, _ = mimetypes.guess_type(self.response.path)
            headers["Content-Type"] = kind or "application/octet-stream"
        headers.pop("Content-Length", None)
        return headers


async def tamper(fault: HttpFault, exchange: Exchange, sleep: Sleep) -> None:
    """Do what the fault says, or have `exchange.response` do it."""
    match fault:
        case NeverAnswer():
            await asyncio.Event().wait()
        case AnswerLate(seconds=seconds):
            await sleep(seconds)
        case Reset():
            _reset(exchange)
        case BadGateway(status=status):
            exchange.response = html(status)
        case AnswerTwice():
            await _answer(exchange)
        case RepeatRequest():
            await exchange.handler(exchange.request)
        case TruncatedImage():
            await _truncate(fault, exchange)
        case EnormousImage():
            await _blow_up(fault, exchange)
        case SlowDrip():
            await _drip(fault, exchange, sleep)
        case WrongContentType(content_type=content_type):
            assert exchange.response is not None
            exchange.response.headers["Content-Type"] = content_type
        case HtmlInsteadOfImage():
            exchange.response = html(200, "Please log in")
        case NotFound():
            exchange.response = web.Response(status=404)
        case _:
            raise TypeError(f"{fault.fault} is no fault of HTTP")


def html(status: int, title: str = "") -> web.Response:
    """The kind of page that proxies show."""
    title = title or f"{status} {HTTPStatus(status).phrase}"
    text = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return web.Response(status=status, text=text, content_type="text/html")


def _reset(exchange: Exchange) -> None:
    if exchange.transport is not None:
        connection: socket.socket = exchange.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_ONCE)
        exchange.transport.abort()
    exchange.response = web.Response()  # reaches nobody


async def _answer(exchange: Exchange) -> None:
    """Write the whole answer once more than it will be."""
    body, response = await exchange.body(), exchange.response
    assert response is not None
    lines = [f"HTTP/1.1 {response.status} {response.reason}"]
    lines += [f"{name}: {value}" for name, value in exchange.headers().items()]
    head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "\r\n"])
    if exchange.transport is not None:
        exchange.transport.write(head.encode() + body)


async def _opened(exchange: Exchange, length: int | None) -> web.StreamResponse:
    """An answer with these headers, for the caller to write."""
    assert exchange.response is not None
    response = web.StreamResponse(status=exchange.response.status, headers=exchange.headers())
    response.content_length = length
    await response.prepare(exchange.request)
    exchange.response = response
    return response


async def _truncate(fault: TruncatedImage, exchange: Exchange) -> None:
    body = await exchange.body()
    part = body[: max(1, int(len(body) * fault.keep))]
    if fault.announced == "part":
        exchange.response = web.Response(body=part, headers=exchange.headers())
        return
    with contextlib.suppress(ConnectionError):
        response = await _opened(exchange, len(body))
        await response.write(part)
    if exchange.transport is not None:
        exchange.transport.close()


async def _blow_up(fault: EnormousImage, exchange: Exchange) -> None:
    body = (await exchange.body())[: fault.size]
    with contextlib.suppress(ConnectionError):
        response = await _opened(exchange, fault.size if fault.announced else None)
        await response.write(body)
        for start in range(len(body), fault.size, len(_ZEROS)):
            await response.write(_ZEROS[: fault.size - start])


async def _drip(fault: SlowDrip, exchange: Exchange, sleep: Sleep) -> None:
    body = await exchange.body()
    with contextlib.suppress(ConnectionError):
        response = await _opened(exchange, len(body))
        for start in range(0, len(body), fault.chunk):
            await response.write(body[start : start + fault.chunk])
            await sleep(fault.seconds)
