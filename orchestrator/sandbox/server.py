"""The HTTP routes, each also under `/api`: prompts, queue, history, and what the server is.

Images have their own routes in `image_routes`. Handlers only translate between HTTP and the parts.
"""

import json
import os
import sys
from collections.abc import Mapping
from typing import Any, Final
from uuid import uuid4

from aiohttp import web
from aiohttp.typedefs import Middleware

from orchestrator.sandbox.catalogue import FOLDERS
from orchestrator.sandbox.events import SERVER_FEATURES, Frame, Hub, text_frame
from orchestrator.sandbox.execution import Executor
from orchestrator.sandbox.files import Folders
from orchestrator.sandbox.image_routes import ImageRoutes
from orchestrator.sandbox.log import Observer
from orchestrator.sandbox.nodes import NODES, describe
from orchestrator.sandbox.prompt_queue import History, Job, PromptQueue
from orchestrator.sandbox.validation import validate

COMFYUI_VERSION: Final = "0.3.64"
"""The ComfyUI whose behaviour this is."""
_MEMORY: Final = 16 * 1024**3


class Server:
    def __init__(
        self,
        queue: PromptQueue,
        history: History,
        executor: Executor,
        hub: Hub,
        folders: Folders,
        observer: Observer,
    ) -> None:
        self._queue = queue
        self._history = history
        self._executor = executor
        self._hub = hub
        self._folders = folders
        self._observer = observer
        self._number = 0

    def application(self, *middlewares: Middleware) -> web.Application:
        max_size = SERVER_FEATURES["max_upload_size"]
        app = web.Application(client_max_size=max_size, middlewares=middlewares)
        routes = [
            web.get("/ws", self._websocket),
            web.get("/prompt", self._load),
            web.post("/prompt", self._submit),
            web.get("/queue", self._show_queue),
            web.post("/queue", self._change_queue),
            web.get("/history", self._show_history),
            web.get("/history/{prompt_id}", self._show_prompt),
            web.post("/history", self._change_history),
            web.post("/interrupt", self._interrupt),
            web.post("/free", self._free),
            web.get("/object_info", self._object_info),
            web.get("/object_info/{name}", self._object_info),
            web.get("/system_stats", self._system_stats),
            web.get("/features", _features),
            web.get("/embeddings", _embeddings),
            web.get("/extensions", _extensions),
            web.get("/models", _model_folders),
            web.get("/models/{folder}", _models),
            *ImageRoutes(self._folders, self._observer).routes(),
        ]
        app.add_routes(routes)
        app.add_routes([web.route(r.method, f"/api{r.path}", r.handler) for r in routes])
        app.add_routes(
            [
                web.get("/_sandbox/truth/{prompt_id}", self._truth),
                web.get("/_sandbox/log", self._log),
                web.get("/_sandbox/requests", self._requests),
            ]
        )
        return app

    def status(self) -> dict[str, Any]:
        return {"exec_info": {"queue_remaining": self._queue.remaining}}

    async def _websocket(self, request: web.Request) -> web.WebSocketResponse:
        return await self._hub.serve(request, self._greeting)

    def _greeting(self, client_id: str) -> list[Frame]:
        """The load, and for a client that returns to its running prompt, where that is."""
        frames: list[Frame] = [text_frame("status", {"status": self.status(), "sid": client_id})]
        run = self._executor.current
        if run and run.node_id and run.job.client_id == client_id:
            frames.append(text_frame("executing", {"node": run.node_id}))
        return frames

    async def _load(self, request: web.Request) -> web.Response:
        return web.json_response(self.status())

    async def _submit(self, request: web.Request) -> web.Response:
        status, answer = self.submit(await request.json())
        return web.json_response(answer, status=status)

    def submit(self, body: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]]:
        """Queue a prompt, or say what is wrong with it: the status and the answer's JSON."""
        if "prompt" not in body:
            message = "No prompt provided"
            error = {"type": "no_prompt", "message": message, "details": message, "extra_info": {}}
            return 400, {"error": error, "node_errors": {}}
        prompt_id = str(body.get("prompt_id", uuid4()))
        extra_data = dict(body.get("extra_data", {}))
        if "client_id" in body:
            extra_data["client_id"] = body["client_id"]
        details = {"prompt_id": prompt_id, "client_id": extra_data.get("client_id")}
        checked = validate(body["prompt"], self._folders, body.get("partial_execution_targets"))
        if checked.error is not None:
            self._observer.note("rejected", **details, error=checked.error["type"])
            return 400, {"error": checked.error, "node_errors": checked.node_errors}
        self._observer.note("accepted", **details)
        number = self._take_number(body)
        self._queue.put(Job(number, prompt_id, body["prompt"], extra_data, checked.outputs))
        answer = {"prompt_id": prompt_id, "number": number, "node_errors": checked.node_errors}
        return 200, answer

    def _take_number(self, body: Mapping[str, Any]) -> float:
        if "number" in body:
            return float(body["number"])
        number = -self._number if body.get("front") else self._number
        self._number += 1
        return number

    async def _show_queue(self, request: web.Request) -> web.Response:
        running = self._queue.running
        return web.json_response(
            {
                "queue_running": [running.as_list()] if running else [],
                "queue_pending": [job.as_list() for job in self._queue.pending],
            }
        )

    async def _change_queue(self, request: web.Request) -> web.Response:
        body = await request.json()
        by, pending = _asker(request), self._queue.pending
        if body.get("clear"):
            self._queue.clear()
            for job in pending:
                self._observer.note("deleted", **job.ids, by=by)
        for prompt_id in body.get("delete", []):
            if self._queue.delete(prompt_id):
                job = next(job for job in pending if job.prompt_id == prompt_id)
                self._observer.note("deleted", **job.ids, by=by)
        return web.Response()

    async def _show_history(self, request: web.Request) -> web.Response:
        query = request.query
        max_items = int(query["max_items"]) if "max_items" in query else None
        return web.json_response(self._history.page(max_items, int(query.get("offset", -1))))

    async def _show_prompt(self, request: web.Request) -> web.Response:
        return web.json_response(self._history.get(request.match_info["prompt_id"]))

    async def _change_history(self, request: web.Request) -> web.Response:
        body = await request.json()
        if body.get("clear"):
            self._history.clear()
        self._history.delete(body.get("delete", []))
        return web.Response()

    async def _interrupt(self, request: web.Request) -> web.Response:
        try:
            body = await request.json()
        except json.JSONDecodeError:
            body = {}
        self._executor.interrupt(body.get("prompt_id") or None, by=_asker(request))
        return web.Response()

    async def _free(self, request: web.Request) -> web.Response:
        if (await request.json()).get("free_memory"):
            self._executor.forget()
        return web.Response()

    async def _object_info(self, request: web.Request) -> web.Response:
        name = request.match_info.get("name")
        uploads = self._folders.uploads()
        return web.json_response(
            {
                node.name: describe(node, uploads)
                for node in NODES.values()
                if name in (None, node.name)
            }
        )

    async def _system_stats(self, request: web.Request) -> web.Response:
        system = {
            "os": os.name,
            "ram_total": _MEMORY,
            "ram_free": _MEMORY,
            "comfyui_version": COMFYUI_VERSION,
            "required_frontend_version": None,
            "installed_templates_version": None,
            "required_templates_version": None,
            "python_version": sys.version,
            "pytorch_version": "none",
            "embedded_python": False,
            "argv": ["sandbox"],
        }
        device = {"name": "sandbox", "type": "cpu", "index": None}
        memory = dict.fromkeys(
            ("vram_total", "vram_free", "torch_vram_total", "torch_vram_free"), _MEMORY
        )
        return web.json_response({"system": system, "devices": [{**device, **memory}]})

    async def _truth(self, request: web.Request) -> web.Response:
        truth = self._observer.truth(request.match_info["prompt_id"])
        return web.json_response(truth or {}, status=200 if truth else 404)

    async def _log(self, request: web.Request) -> web.Response:
        return web.json_response(self._observer.log)

    async def _requests(self, request: web.Request) -> web.Response:
        return web.json_response(self._observer.requests)


def _asker(request: web.Request) -> str:
    """Who asks for what ComfyUI has no client id for."""
    return request.headers.get("User-Agent", "")


async def _features(request: web.Request) -> web.Response:
    return web.json_response(SERVER_FEATURES)


async def _embeddings(request: web.Request) -> web.Response:
    return web.json_response([])


async def _extensions(request: web.Request) -> web.Response:
    return web.json_response([])


async def _model_folders(request: web.Request) -> web.Response:
    return web.json_response(list(FOLDERS))


async def _models(request: web.Request) -> web.Response:
    files = FOLDERS.get(request.match_info["folder"])
    return web.Response(status=404) if files is None else web.json_response(files)
