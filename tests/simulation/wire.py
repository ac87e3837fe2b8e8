"""Between clients and a simulated server: requests and websockets, and their faults.

What a client has of it is a `Link`. What was sent goes on whatever becomes of its sender.
"""

import asyncio
import json
from collections import defaultdict
from contextvars import Context
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from tests.simulation import graphs
from tests.simulation.processes import Process, current, in_world
from tests.simulation.schedule import READ, Foreign, Outage, Schedule, SocketFaults
from tests.simulation.server import SimServer
from tests.simulation.sockets import LATENCY, Socket

LATE = 0.9 * READ
"""So long after its sender has given it up, a request may still arrive."""

_THEIRS = "theirs-"

_PLAIN = SocketFaults()


def is_theirs(prompt_id: str) -> bool:
    """Somebody else's; all others are ours."""
    return prompt_id.startswith(_THEIRS)


class Link(httpx.AsyncBaseTransport):
    """One client's way to a server."""

    def __init__(self, wire: "Wire", name: str) -> None:
        """`name`: of the process, which looks at its own pace."""
        self._wire = wire
        self._name = name
        self._process = current()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        call = Call(
            request.method,
            request.url.path,
            await request.aread(),
            dict(request.url.params),
            self._name,
        )
        loop = asyncio.get_running_loop()
        if call.kind == "post" and self._process and loop.time() < self._process.woke + READ:
            self._wire.server.truth.overslept.add(call.json["prompt_id"])
        carrying = loop.create_task(self._wire.carry(call, request), context=Context())
        self._wire.under_way[carrying] = self._process
        carrying.add_done_callback(self._wire.over, context=Context())
        return await carrying

    async def connect(self, uri: str) -> Socket:
        await asyncio.sleep(LATENCY)
        socket = in_world(self._wire.connected, uri)
        self._wire.sockets.append((self._process, socket))
        return socket


class Wire:
    """Leads to one server."""

    def __init__(self, name: str, server: SimServer, schedule: Schedule, patience: float) -> None:
        """`patience`: see `Schedule.patience`."""
        self.name = name
        self.server = server
        self._schedule = schedule
        self._patience = patience
        self._counts: dict[str, int] = defaultdict(int)
        self.under_way: dict[asyncio.Task[httpx.Response], Process | None] = {}
        self.sockets: list[tuple[Process | None, Socket]] = []
        self._loop = asyncio.get_running_loop()
        for outage in schedule.outages:
            self._loop.call_at(outage.at, self._fall, outage)
        for number, foreign in enumerate(schedule.foreign):
            self._loop.call_at(foreign.at, self._intrude, number, foreign)

    def _fall(self, outage: Outage) -> None:
        if self.server.up:
            self.server.restart(outage.downtime, queue=outage.queue, history=outage.history)
            for _, socket in self.sockets:
                socket.vanish()

    def cut(self, process: Process) -> None:
        """The process has died: its sockets close, its requests come to their end without it."""
        for request, sender in self.under_way.items():
            if sender is process:
                request.cancel()
        for owner, socket in self.sockets:
            if owner is process:
                socket.end(socket.faults.close_lag)

    def _intrude(self, number: int, foreign: Foreign) -> None:
        if not self.server.up:
            return
        if foreign.interrupts:
            self.server.truth.fault("somebody else interrupts")
            self.server.interrupt()
        else:
            owner = "somebody" if foreign.named else None
            graph = graphs.picture(1000 + number, foreign.steps)
            self.server.submit(f"{_THEIRS}{number} {self.name}", graph, owner)

    # --- HTTP ------------------------------------------------------------------------------

    def over(self, request: asyncio.Task[httpx.Response]) -> None:
        del self.under_way[request]
        if not request.cancelled():
            request.exception()  # its sender may never ask

    async def carry(self, call: "Call", request: httpx.Request) -> httpx.Response:
        """A request on its way, and its answer."""
        self._counts[call.kind] += 1
        number = self._counts[call.kind]
        fault = self._schedule.requests.get((call.kind, number), "")
        truth, server = self.server.truth, self.server
        if fault:
            truth.fault(f"{call} ({call.kind} {number}): {fault}", self.name)
        if call.kind == "look":
            truth.looks[f"{call.sender} of {self.name}"].append((self._loop.time(), call.path))
        if fault == "refused" or not server.up:
            await asyncio.sleep(LATENCY)
            raise httpx.ConnectError("connection refused", request=request)
        if call.kind == "post":
            truth.posts[call.json["prompt_id"]] += 1
        try:
            await asyncio.sleep(LATENCY)
        except asyncio.CancelledError:  # on its way when its sender dies
            if (self._schedule.seed + number) % 2:
                self._later(call, LATE * (number % 10) / 10)
            raise
        if not server.up:
            raise httpx.ReadError("connection reset", request=request)
        return await self._carry(call, fault, request)

    async def _carry(self, call: "Call", fault: str, request: httpx.Request) -> httpx.Response:
        late = LATE * (self._counts[call.kind] * 7 % 10 + 1) / 10
        match fault:
            case "reset before":
                raise httpx.ReadError("connection reset", request=request)
            case "reset after":
                self._answer(call)
                raise httpx.ReadError("connection reset", request=request)
            case "reset, then comes late":
                self._later(call, late)
                raise httpx.ReadError("connection reset", request=request)
            case "502 before":
                return httpx.Response(502, text="<html>")
            case "503" | "429":
                return httpx.Response(int(fault))
            case "504 after":
                self._answer(call)
                return httpx.Response(504, text="<html>")
            case "504, then comes late":
                self._later(call, late)
                return httpx.Response(504, text="<html>")
            case "never answered" | "comes late":
                try:
                    await asyncio.sleep(READ)
                finally:
                    if fault == "comes late":
                        self._later(call, late)
                raise httpx.ReadTimeout("timed out", request=request)
            case "answered late":
                boot = self.server.boot
                await asyncio.sleep(min(late, READ - 1))
                if boot != self.server.boot or not self.server.up:
                    raise httpx.ReadError("connection reset", request=request)
            case "html":
                return httpx.Response(200, html="<html>one moment</html>")
            case "missing":
                self.server.truth.mislaid.add(self.name)
                return httpx.Response(404)
        answer = self._answer(call)
        boot = self.server.boot
        await asyncio.sleep(LATENCY)
        if boot != self.server.boot:
            raise httpx.ReadError("connection reset", request=request)
        if fault == "truncated":
            whole = str(len(answer.content))
            return httpx.Response(
                200, content=answer.content[:-3], headers={"content-length": whole}
            )
        return answer

    def _later(self, call: "Call", delay: float) -> None:
        self._loop.call_later(delay, self._arrive, call, self.server.boot)

    def _arrive(self, call: "Call", boot: int) -> None:
        if boot == self.server.boot and self.server.up:
            self._answer(call)

    def _answer(self, call: "Call") -> httpx.Response:
        """What the server does and says."""
        server = self.server
        server.truth.note(f"{call} {call.body[:80].decode() if call.kind == 'control' else ''}")
        if call.kind == "control":
            self._check_ours(call)
        match call.method, call.path.split("/")[1:]:
            case "POST", ["prompt"]:
                body = call.json
                server.submit(body["prompt_id"], body["prompt"], body.get("client_id"))
                return httpx.Response(200, json={"prompt_id": body["prompt_id"], "node_errors": {}})
            case "POST", ["queue"]:
                server.delete(call.json["delete"])
            case "POST", ["interrupt"]:
                server.interrupt(call.json["prompt_id"])
            case "GET", ["queue"]:
                running = [server.running] if server.running else []
                entry = [
                    [[p.number, p.id, {}, {}, []] for p in ps] for ps in (running, server.pending)
                ]
                return httpx.Response(
                    200, json={"queue_running": entry[0], "queue_pending": entry[1]}
                )
            case "GET", ["history", prompt_id]:
                found = {i: server.history[i] for i in [prompt_id] if i in server.history}
                return httpx.Response(200, json=found)
            case "GET", ["view"]:
                data = server.files.get(call.params["filename"])
                if data is None:
                    return httpx.Response(404)
                return httpx.Response(200, content=data, headers={"content-type": "image/png"})
            case "GET", ["object_info"] if server.classes:
                return httpx.Response(200, json=server.classes)
            case "GET", ["system_stats"]:
                system = {"comfyui_version": "0.3.64", "python_version": "3.11"}
                return httpx.Response(200, json={"system": system, "devices": []})
            case "GET", _:
                return httpx.Response(404)
        return httpx.Response(200)

    def _check_ours(self, call: "Call") -> None:
        """A prompt is named, and nobody else's."""
        body = call.json
        named = body.get("delete", [body.get("prompt_id")])
        if call.path != "/free" and any(not i or is_theirs(i) for i in named):
            self.server.truth.violate(f"{call} {body} is not about a prompt of ours")

    # --- websockets ------------------------------------------------------------------------

    def connected(self, uri: str) -> Socket:
        self._counts["socket"] += 1
        number, plans = self._counts["socket"], self._schedule.sockets
        faults = plans[number - 1] if number <= len(plans) else _PLAIN
        if not self.server.up or faults.refused:
            raise ConnectionRefusedError("connection refused")
        (client_id,) = parse_qs(urlsplit(uri).query)["clientId"]
        if any(s.session.client_id == client_id and not s.seen_closed for _, s in self.sockets):
            self.server.truth.violate("a websocket opened under a name the server still holds")
        socket = Socket(self.server, client_id, faults, number, self._patience)
        if faults.silent:
            self.server.truth.fault(f"websocket {number} is not greeted")
        else:
            self.server.open(socket.session)
        return socket


@dataclass(frozen=True)
class Call:
    method: str
    path: str
    body: bytes
    params: dict[str, str]
    sender: str

    @property
    def kind(self) -> str:
        match self.method, self.path:
            case "POST", "/prompt":
                return "post"
            case "POST", _:
                return "control"
            case "GET", "/view":
                return "view"
            case "GET", path if path == "/queue" or path.startswith("/history"):
                return "look"
        return "other"

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"
