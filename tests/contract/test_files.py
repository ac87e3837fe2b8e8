"""Pictures in and out: `/view` and `/upload/image`."""

import struct
import uuid
import zlib

import httpx
import pytest

from orchestrator.comfy.client import ComfyClient
from orchestrator.comfy.prompt_state import End, OutputImage
from orchestrator.errors import ServerError
from orchestrator.models import ImageRef
from tests.contract.graphs import node, noise, seed


def png(side: int = 8) -> bytes:
    """A small grey picture that no server has seen."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    rows = b"".join(b"\0" + bytes([128] * side) for _ in range(side))
    text = b"unique\0" + str(seed()).encode()
    chunks = [(b"IHDR", header), (b"tEXt", text), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in chunks)


@pytest.fixture
async def image(client: ComfyClient) -> OutputImage:
    """A picture just saved."""
    done = await client.generate(noise(), str(uuid.uuid4()))
    return done.images[0]


async def test_headers_of_a_picture(http: httpx.AsyncClient, image: OutputImage) -> None:
    answer = await http.get("/view", params={"filename": image.ref.filename, "type": "output"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/png"
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert answer.headers["content-disposition"] == f'filename="{image.ref.filename}"'


async def test_a_saved_picture_holds_its_workflow(client: ComfyClient, image: OutputImage) -> None:
    data = await client.fetch(image)
    assert b'tEXtprompt\0{"1": {"' in data


async def test_a_picture_encoded_anew(http: httpx.AsyncClient, image: OutputImage) -> None:
    answer = await http.get("/view", params={"filename": image.ref.filename, "preview": "webp;90"})
    assert answer.headers["content-type"] == "image/webp"
    assert answer.content[:4] == b"RIFF"


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 404),
        ({"filename": "nothing.png"}, 404),
        ({"filename": ""}, 400),
        ({"filename": "../main.py"}, 400),
        ({"filename": "/etc/passwd"}, 400),
        ({"filename": "a.png", "type": "nothing"}, 400),
        ({"filename": "a.png", "subfolder": ".."}, 403),
        ({"filename": "a.png", "subfolder": "not/there"}, 404),
    ],
)
async def test_what_is_not_shown(
    http: httpx.AsyncClient, query: dict[str, str], status: int
) -> None:
    assert (await http.get("/view", params=query)).status_code == status


async def test_a_picture_that_is_gone(client: ComfyClient) -> None:
    gone = OutputImage(ImageRef(node="9", filename="gone.png"))
    with pytest.raises(ServerError, match=r"no longer has the picture 'gone\.png'"):
        await client.fetch(gone)


async def test_an_uploaded_picture_can_be_loaded(client: ComfyClient) -> None:
    name = await client.upload("photo.png", png())
    graph = {"1": node("LoadImage", image=name), "2": node("PreviewImage", images=["1", 0])}
    done = await client.generate(graph, str(uuid.uuid4()))
    assert (done.ending, len(done.images)) == (End.SUCCEEDED, 1)


async def test_the_same_picture_twice_has_one_name(client: ComfyClient) -> None:
    data = png()
    assert await client.upload("a.png", data) == await client.upload("b.png", data)
    assert await client.upload("a.png", png()) != await client.upload("a.png", data)


async def test_names_that_are_taken(http: httpx.AsyncClient) -> None:
    stem = f"contract-{seed()}"
    first, second = png(), png()

    async def upload(data: bytes, **fields: str) -> object:
        files = {"image": (f"{stem}.png", data)}
        return (await http.post("/upload/image", files=files, data=fields)).json()

    own = {"name": f"{stem}.png", "subfolder": "", "type": "input"}
    assert await upload(first) == own
    assert await upload(first) == own
    assert await upload(second) == {**own, "name": f"{stem} (1).png"}
    assert await upload(second, overwrite="true") == own
    assert await upload(first, subfolder="contract") == {**own, "subfolder": "contract"}


async def test_an_upload_without_a_picture(http: httpx.AsyncClient) -> None:
    answer = await http.post("/upload/image", files={"other": ("a.png", b"x")})
    assert answer.status_code == 400
