"""How our HTTP travels: httpx's requests, carried by aiohttp.

httpx's own transport spends some 4 ms of processor time on a picture of 1 MB, aiohttp's C parser
under 1. What the two raise, and how they count time, is translated here and known nowhere else:
httpx-aiohttp, which does the same, tells of a connection that broke under a request as of one that
was never made (0.2.0), and a prompt would be posted twice.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
from yarl import URL

if TYPE_CHECKING:  # a command that speaks to nobody need not load it
    import aiohttp

IDLE_SECONDS = 5.0
"""A connection unused for longer is not used again: the server may be about to close it."""
PIECE = 256 * 1024
"""Bytes of a body that are handed over at once."""


class Network(httpx.AsyncBaseTransport):
    """Any number of connections; the system's certificates; no proxies, cookies or redirects.

    To be used on one event loop. A POST is never sent twice.
    """

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        import aiohttp

        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            )
        seconds = request.extensions["timeout"]
        body = await request.aread()
        with _translated(request):
            answer = await self._session.request(
                request.method,
                _url(request.url),
                headers=request.headers.multi_items(),
                data=_pieces(body) if body else None,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(
                    connect=seconds["connect"], sock_read=seconds["read"]
                ),
            )
        return httpx.Response(
            answer.status, headers=answer.raw_headers, stream=_Body(request, answer)
        )

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()


class _Body(httpx.AsyncByteStream):
    """Still to be read, in pieces as they come."""

    def __init__(self, request: httpx.Request, answer: "aiohttp.ClientResponse") -> None:
        self._request = request
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _translated(self._request):
            async for piece, _ in self._answer.content.iter_chunks():
                yield piece

    async def aclose(self) -> None:
        self._answer.release()


async def _pieces(body: bytes) -> AsyncIterator[memoryview]:
    """So that a large body leaves the event loop to others, and is not copied."""
    for start in range(0, len(body), PIECE):
        yield memoryview(body)[start : start + PIECE]


def _url(url: httpx.URL) -> URL:
    """Without credentials: httpx has put them into a header."""
    return URL(str(url.copy_with(userinfo=b"") if url.userinfo else url), encoded=True)


@contextmanager
def _translated(request: httpx.Request) -> Iterator[None]:
    """aiohttp's errors as httpx's. Only those of a failed connect say that nothing was sent."""
    import aiohttp

    try:
        yield
    except aiohttp.ConnectionTimeoutError as error:
        raise httpx.ConnectTimeout(str(error), request=request) from error
    except aiohttp.ClientConnectorError as error:
        raise httpx.ConnectError(str(error), request=request) from error
    except TimeoutError as error:
        raise httpx.ReadTimeout(str(error), request=request) from error
    except aiohttp.InvalidURL as error:
        raise httpx.InvalidURL(str(error)) from error
    except OSError as error:
        raise httpx.ReadError(str(error), request=request) from error
    except aiohttp.ClientError as error:
        raise httpx.RemoteProtocolError(str(error), request=request) from error
