"""The API over real HTTP: a server on a free port, and a client that shares no code with it."""

import asyncio
import io
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest
import torch
from PIL import Image

from scorer.batching import ModelQueue
from scorer.errors import StartError
from scorer.image import Limits
from scorer.models.clip_model import ClipModel
from scorer.pipeline import Pipeline
from scorer.server import Server, listening

LIMITS = Limits(bytes=100_000)


@pytest.fixture
def queue() -> ModelQueue:
    return ModelQueue(places=2)


@pytest.fixture
def server(queue: ModelQueue) -> Server:
    return Server(queue, LIMITS, upload_seconds=0.05)


@pytest.fixture
async def http(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        listening(server.app, "127.0.0.1", 0) as url,
        httpx.AsyncClient(base_url=url) as client,
    ):
        yield client


@pytest.fixture
def loaded(server: Server, queue: ModelQueue, model: ClipModel) -> None:
    server.ready(Pipeline(model, queue, LIMITS))


@pytest.fixture
def png(picture: Callable[[int, int], Image.Image]) -> bytes:
    file = io.BytesIO()
    picture(48, 40).save(file, "PNG")
    return file.getvalue()


def error(answer: httpx.Response) -> tuple[int, str, str]:
    body = answer.json()
    assert set(body) == {"error"}
    return answer.status_code, body["error"]["type"], body["error"]["message"]


async def test_before_the_model_is_there(http: httpx.AsyncClient, png: bytes) -> None:
    alive = await http.get("/healthz")
    assert (alive.status_code, alive.json()) == (200, {"status": "ok"})
    for answer in (
        await http.get("/readyz"),
        await http.get("/v1/models"),
        await http.post("/v1/score", params={"prompt": "a cat"}, content=png),
    ):
        assert error(answer)[:2] == (503, "busy")
        assert answer.headers["Retry-After"] == "1"


@pytest.mark.usefixtures("loaded")
async def test_when_the_model_is_there(http: httpx.AsyncClient, model: ClipModel) -> None:
    ready = await http.get("/readyz")
    models = await http.get("/v1/models")

    assert ready.json() == {"status": "ready", "model": model.name}
    assert models.json() == {
        "models": [
            {
                "name": "Test-CLIP:weights.safetensors",
                "weights": model.weights,
                "context_length": 24,
                "image_size": [32, 32],
                "device": "cpu",
                "precision": "fp32",
                "metrics": ["clip"],
            }
        ]
    }


@pytest.mark.usefixtures("loaded")
async def test_a_score(http: httpx.AsyncClient, model: ClipModel, png: bytes) -> None:
    answer = await http.post("/v1/score", params={"prompt": "a red, round cat"}, content=png)

    body = answer.json()
    (score,) = body["scores"]
    assert answer.status_code == 200
    assert set(score) == {"metric", "value", "version", "model", "weights"}
    assert -100 <= score["value"] <= 100
    assert body["prompt"] == {"tokens": 5, "chunks": 1}
    assert body["image"] == {"width": 48, "height": 40, "format": "PNG"}
    assert set(body["milliseconds"]) == {"decode", "forward"}


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "no prompt"),
        ({"prompt": "  "}, "no prompt"),
        ({"prompt": "x" * 8_193}, "8,193 characters; the limit is 8,192"),
        ({"prompt": "&nbsp;"}, "nothing in it"),
        ({"prompt": "a cat", "metrics": "clip,beauty"}, "no metric 'beauty'; there is clip"),
        ({"prompt": "a cat", "metrics": ""}, "no metric ''"),
    ],
)
async def test_bad_requests(
    http: httpx.AsyncClient, png: bytes, params: dict[str, str], message: str
) -> None:
    status, type_, said = error(await http.post("/v1/score", params=params, content=png))

    assert (status, type_) == (400, "bad_request")
    assert message in said


@pytest.mark.usefixtures("loaded")
async def test_the_longest_prompt_gets_through(http: httpx.AsyncClient, png: bytes) -> None:
    answer = await http.post("/v1/score", params={"prompt": "猫, " * 2_730}, content=png)

    assert answer.status_code == 200
    assert answer.json()["prompt"]["chunks"] > 100


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize(
    ("body", "status", "type_"),
    [
        (b"", 422, "bad_image"),
        (b"GIF89a", 422, "bad_image"),
        (b"\x89PNG\r\n\x1a\n" + b"\x00" * 99, 422, "bad_image"),
        (b"x" * 100_001, 413, "too_large"),
    ],
)
async def test_a_bad_picture_does_not_cost_the_next(
    http: httpx.AsyncClient, png: bytes, body: bytes, status: int, type_: str
) -> None:
    refused = await http.post("/v1/score", params={"prompt": "a cat"}, content=body)
    served = await http.post("/v1/score", params={"prompt": "a cat"}, content=png)

    assert error(refused)[:2] == (status, type_)
    assert served.status_code == 200


@pytest.mark.usefixtures("loaded")
async def test_a_model_that_fails_fails_one_request(
    http: httpx.AsyncClient, model: ClipModel, png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(inputs: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("CUDA out of memory.\nTried to allocate …")

    with monkeypatch.context() as patch:
        patch.setattr(model, "encode_images", fail)
        failed = await http.post("/v1/score", params={"prompt": "a cat"}, content=png)
    served = await http.post("/v1/score", params={"prompt": "a cat"}, content=png)

    message = "RuntimeError: CUDA out of memory. Tried to allocate …"
    assert error(failed) == (500, "internal", message)
    assert served.status_code == 200


@pytest.mark.usefixtures("loaded")
async def test_who_comes_too_many_is_asked_to_come_again(
    http: httpx.AsyncClient, queue: ModelQueue, png: bytes
) -> None:
    with queue.place(), queue.place():
        refused = await http.post("/v1/score", params={"prompt": "a cat"}, content=png)
    served = await http.post("/v1/score", params={"prompt": "a cat"}, content=png)

    assert error(refused)[:2] == (429, "busy")
    assert refused.headers["Retry-After"] == "1"
    assert served.status_code == 200


async def begin_upload(
    http: httpx.AsyncClient,
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Announce a body, and don't send it."""
    url = http.base_url
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(b"POST /v1/score?prompt=a+cat HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
    await writer.drain()
    return reader, writer


@pytest.mark.usefixtures("loaded")
async def test_a_body_that_does_not_arrive_holds_its_place_for_a_while_only(
    http: httpx.AsyncClient,
) -> None:
    reader, writer = await begin_upload(http)

    answer = await reader.readuntil(b"}}")
    writer.close()

    assert b" 400 " in answer
    assert b"the body did not arrive in 0.05 s" in answer


@pytest.mark.usefixtures("loaded")
async def test_a_caller_who_goes_away_gives_its_place_back(
    http: httpx.AsyncClient, server: Server, queue: ModelQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = asyncio.Event()
    place = queue.place

    @contextmanager
    def observed() -> Iterator[None]:
        with place():
            held.set()
            try:
                yield
            finally:
                held.clear()
                returned.set()

    returned = asyncio.Event()
    monkeypatch.setattr(server, "_upload_seconds", 60.0)
    monkeypatch.setattr(queue, "place", observed)
    _, writer = await begin_upload(http)
    await held.wait()
    writer.close()

    await asyncio.wait_for(returned.wait(), 10)


async def test_other_paths_and_methods_are_answered_in_json(http: httpx.AsyncClient) -> None:
    assert error(await http.get("/")) == (404, "bad_request", "GET /: Not Found")
    assert error(await http.get("/v1/score"))[0] == 405


async def test_a_port_that_is_taken_is_one_line(http: httpx.AsyncClient, server: Server) -> None:
    port = http.base_url.port
    assert port

    with pytest.raises(StartError, match=f"^can't listen on 127.0.0.1:{port}: address already in"):
        async with listening(Server(ModelQueue(), LIMITS).app, "127.0.0.1", port):
            pass


def test_the_server_is_there_before_torch_is_imported() -> None:
    script = "import sys, scorer.__main__, scorer.server; sys.exit('torch' in sys.modules)"

    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
