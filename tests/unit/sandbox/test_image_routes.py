"""`/view`, `/upload/image`, and what saved files carry."""

import json
from io import BytesIO
from typing import Any

import aiohttp
import pytest
from PIL import Image

from tests.unit.sandbox.driver import Server, node, noise


def png(colour: str = "red", size: tuple[int, int] = (24, 16)) -> bytes:
    buffer = BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


async def view(server: Server, **query: str) -> aiohttp.ClientResponse:
    response = await server.session.get(server.url + "/view", params=query)
    await response.read()
    return response


async def upload(server: Server, data: bytes, name: str = "a.png", **fields: str) -> Any:
    form = aiohttp.FormData(fields, quote_fields=False)
    form.add_field("image", data, filename=name)
    async with server.session.post(server.url + "/upload/image", data=form) as response:
        return await response.json() if response.status == 200 else response.status


def load(name: str, save: str = "PreviewImage") -> Any:
    extra = {"filename_prefix": "copy"} if save == "SaveImage" else {}
    return {"1": node("LoadImage", image=name), "2": node(save, images=["1", 0], **extra)}


async def test_view_gives_the_file(server: Server) -> None:
    await server.run(noise())
    response = await view(server, filename="noise_00001_.png", subfolder="", type="output")
    assert response.status == 200
    assert response.headers["Content-Disposition"] == 'filename="noise_00001_.png"'
    assert response.content_type == "image/png"
    assert Image.open(BytesIO(await response.read())).size == (16, 16)
    annotated = await view(server, filename="noise_00001_.png [output]")
    assert await annotated.read() == await response.read()
    log = await server.get("/_sandbox/log")
    assert (log[-1]["event"], log[-1]["filename"]) == ("served", "noise_00001_.png")


@pytest.mark.parametrize(
    ("preview", "kind"), [("webp;90", "WEBP"), ("jpeg;50", "JPEG"), ("png", "WEBP")]
)
async def test_view_re_encodes(server: Server, preview: str, kind: str) -> None:
    await server.run(noise())
    response = await view(server, filename="noise_00001_.png", preview=preview)
    assert response.content_type == f"image/{kind.lower()}"
    assert Image.open(BytesIO(await response.read())).format == kind


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 404),
        ({"filename": ""}, 400),
        ({"filename": "no.png"}, 404),
        ({"filename": "noise_00001_.png", "type": "temp"}, 404),
        ({"filename": "noise_00001_.png", "type": "nothing"}, 400),
        ({"filename": "noise_00001_.png", "subfolder": "nothere"}, 404),
        ({"filename": "noise_00001_.png", "subfolder": ".."}, 403),
        ({"filename": "noise_00001_.png", "subfolder": "../input"}, 403),
        ({"filename": "../main.py"}, 400),
        ({"filename": "/etc/passwd"}, 400),
    ],
)
async def test_view_refuses(server: Server, query: dict[str, str], status: int) -> None:
    await server.run(noise())
    assert (await view(server, **query)).status == status


async def test_uploads_keep_their_name_unless_it_is_another_file_s(server: Server) -> None:
    assert await upload(server, png()) == {"name": "a.png", "subfolder": "", "type": "input"}
    assert (await upload(server, png()))["name"] == "a.png"
    assert (await upload(server, png("blue")))["name"] == "a (1).png"
    assert (await upload(server, png("green"), overwrite="true"))["name"] == "a.png"
    response = await view(server, filename="a.png", type="input")
    assert await response.read() == png("green")


async def test_uploads_to_other_folders(server: Server) -> None:
    assert (await upload(server, png(), subfolder="sub/dir"))["subfolder"] == "sub/dir"
    assert (await upload(server, png(), type="temp"))["type"] == "temp"
    assert (await view(server, filename="a.png", type="temp")).status == 200


async def test_uploads_that_lead_outside_are_refused(server: Server) -> None:
    assert await upload(server, png(), subfolder="../..") == 400
    assert await upload(server, png(), name="../a.png") == 400
    async with server.session.post(server.url + "/upload/image", data={"x": "y"}) as response:
        assert response.status == 400


async def test_an_upload_can_be_loaded(server: Server) -> None:
    await upload(server, png("blue"), subfolder="sub")
    frames = await server.run(load("sub/a.png", "SaveImage"))
    assert "execution_success" in [frame["type"] for frame in frames]
    response = await view(server, filename="copy_00001_.png")
    image = Image.open(BytesIO(await response.read()))
    assert image.getpixel((3, 3)) == (0, 0, 255)
    assert image.size == (24, 16)


async def test_another_file_under_the_same_name_is_not_cached(server: Server) -> None:
    await upload(server, png("blue"))
    await server.run(load("a.png"))
    await upload(server, png("green"), overwrite="true")
    frames = await server.run(load("a.png"))
    assert frames[3]["data"]["nodes"] == []
    again = await server.run(load("a.png"))
    assert again[3]["data"]["nodes"] == ["1", "2"]


async def test_previews_of_files_are_temporary(server: Server) -> None:
    await upload(server, png())
    frames = await server.run(load("a.png"))
    (image,) = next(f for f in frames if f["type"] == "executed")["data"]["output"]["images"]
    assert image["type"] == "temp"
    assert image["filename"].startswith("ComfyUI_temp_")
    assert (await view(server, **image)).status == 200


async def test_files_carry_the_graph_and_what_else_is_given(server: Server) -> None:
    graph, workflow = noise(), {"nodes": [], "note": "тест ✓"}
    await server.run(graph, extra_data={"extra_pnginfo": {"workflow": workflow}})
    response = await view(server, filename="noise_00001_.png")
    chunks = Image.open(BytesIO(await response.read())).info
    assert json.loads(chunks["prompt"]) == graph
    assert json.loads(chunks["workflow"]) == workflow


async def test_the_graph_in_a_file_names_what_was_loaded(server: Server) -> None:
    await upload(server, png())
    await server.run(load("a.png", "SaveImage"))
    response = await view(server, filename="copy_00001_.png")
    loader = json.loads(Image.open(BytesIO(await response.read())).info["prompt"])["1"]
    assert len(loader["is_changed"][0]) == 64


async def test_a_broken_upload_fails_at_its_node(server: Server) -> None:
    await upload(server, b"no image")
    frames = await server.run(load("a.png"))
    error = next(f for f in frames if f["type"] == "execution_error")["data"]
    assert (error["node_id"], error["node_type"]) == ("1", "LoadImage")
    assert error["exception_type"] == "PIL.UnidentifiedImageError"
