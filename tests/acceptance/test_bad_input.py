"""What can't work is answered with one clear line and exit code 2, and nothing is submitted."""

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.processes import ROOT, retake

SD15 = ROOT / "workflows" / "sd15.json"


@pytest.fixture
def graph() -> dict[str, Any]:
    api: dict[str, Any] = json.loads(SD15.read_text())
    return api


def node(graph: dict[str, Any], class_type: str) -> str:
    return next(id for id, node in graph.items() if node["class_type"] == class_type)


def refused(cwd: Path, *arguments: object) -> str:
    """The one line that a command is refused with."""
    done = retake("submit", *arguments, cwd=cwd)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("retake: ")
    return lines[0]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{nope", "is not JSON (line 1"),
        ("", "is empty"),
        ("{}", "no nodes"),
        ("[]", "JSON object"),
        ('{"nodes": [], "links": [], "version": 0.4}', "Export (API)"),
        ('{"1": {"inputs": {}}}', "class_type"),
    ],
)
def test_what_is_no_workflow(tmp_path: Path, content: str, says: str) -> None:
    (tmp_path / "w.json").write_text(content)
    line = refused(tmp_path, "w.json", "--dry-run")
    assert "w.json" in line
    assert says in line


def test_no_such_file(tmp_path: Path) -> None:
    assert "can't read workflow nowhere.json: No such file" in refused(tmp_path, "nowhere.json")


def test_a_png_without_workflow(tmp_path: Path) -> None:
    from tests.unit.test_png import picture

    (tmp_path / "p.png").write_bytes(picture())
    assert "holds no workflow" in refused(tmp_path, "p.png")


def test_no_sampler(tmp_path: Path, graph: dict[str, Any]) -> None:
    image = {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64}}
    save = {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}}
    (tmp_path / "w.json").write_text(json.dumps({"1": image, "2": save}))
    assert "--bind" in refused(tmp_path, "w.json")


def test_two_candidate_prompts(tmp_path: Path, graph: dict[str, Any]) -> None:
    """Two independent pictures in one graph: the line lists both texts and how to choose."""
    copy = json.loads(json.dumps(graph))
    for id, twin in copy.items():
        twin["inputs"] = {
            name: [f"9{value[0]}", value[1]] if isinstance(value, list) else value
            for name, value in twin["inputs"].items()
        }
        if twin["class_type"] == "CLIPTextEncode":
            twin["inputs"]["text"] = f"another text {id}"
        graph = graph | {f"9{id}": twin}
    (tmp_path / "w.json").write_text(json.dumps(graph))
    line = refused(tmp_path, "w.json")
    assert "another text" in line
    assert "--bind prompt=" in line


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--gate", "clip>="], "gate 'clip>='"),
        (["--gate", "clip>=85"], "can never pass: clip is 100·cos(image, text), not a percentage"),
        (["--set", "nonsense"], "--set 'nonsense'"),
        (["--set", "Sampler.stesp=3"], "steps"),
        (["--bind", "prompt=99"], "99"),
        (["--server", "ftp://x"], "ftp://x"),
        (["--server", "http://127.0.0.1:9"], "http://127.0.0.1:9"),
    ],
)
def test_flags_that_cannot_work(tmp_path: Path, arguments: list[str], says: str) -> None:
    assert says in refused(tmp_path, SD15, *arguments)


def test_a_flag_of_the_wrong_type(tmp_path: Path) -> None:
    done = retake("submit", SD15, "--budget", "0", cwd=tmp_path)
    assert done.returncode == 2
    assert "--budget" in done.stderr


@pytest.mark.parametrize("place", ["/proc/nowhere", "file/below"])
def test_an_out_folder_that_cannot_be_written(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")
    line = refused(tmp_path, SD15, "--sandbox", "--out", place)
    assert f"can't write to {place}" in line
    assert "--out" in line


@pytest.fixture
def stranger() -> Iterator[str]:
    """A web server that is no ComfyUI."""

    class Hello(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>hello</html>")

        def log_message(self, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Hello)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_server_that_is_not_comfyui(tmp_path: Path, stranger: str) -> None:
    line = refused(tmp_path, SD15, "--server", stranger)
    assert stranger in line
    assert "ComfyUI" in line


def test_a_server_that_never_answers(tmp_path: Path) -> None:
    (tmp_path / "retake.toml").write_text("answer_seconds = 0.2\nconnect_seconds = 0.2\n")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert url in refused(tmp_path, SD15, "--server", url)


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("ViT-B-33", "ViT-B-32"),
        ("ViT-B-32:nobody", "laion2b_s34b_b79k"),
        ("ViT-B-32:/no/such/file.pt", "/no/such/file.pt"),
    ],
)
def test_a_scorer_that_cannot_load(tmp_path: Path, sandbox: str, model: str, says: str) -> None:
    assert says in refused(tmp_path, SD15, "--server", sandbox, "--model", model)


def test_a_scorer_that_is_not_there(tmp_path: Path, sandbox: str) -> None:
    line = refused(tmp_path, SD15, "--server", sandbox, "--scorer", "http://127.0.0.1:9")
    assert "no scorer is ready at http://127.0.0.1:9" in line


def rejected(cwd: Path, graph: dict[str, Any], sandbox: str, scorer: str) -> str:
    """The line that a workflow is refused with when only the server can tell."""
    (cwd / "w.json").write_text(json.dumps(graph))
    before = httpx.get(f"{sandbox}/history").json()
    line = refused(cwd, "w.json", "--server", sandbox, "--scorer", scorer)
    assert httpx.get(f"{sandbox}/history").json() == before
    return line


def test_an_unknown_class(tmp_path: Path, graph: dict[str, Any], sandbox: str, scorer: str) -> None:
    graph[node(graph, "SaveImage")]["class_type"] = "SaveImagePlus"
    assert "SaveImagePlus" in rejected(tmp_path, graph, sandbox, scorer)


def test_a_missing_model(tmp_path: Path, graph: dict[str, Any], sandbox: str, scorer: str) -> None:
    loader = graph[node(graph, "CheckpointLoaderSimple")]["inputs"]
    loader["ckpt_name"] = "v1-5-pruned-emaonyl.safetensors"
    told = rejected(tmp_path, graph, sandbox, scorer)
    assert "v1-5-pruned-emaonyl.safetensors" in told
    assert "did you mean" in told
