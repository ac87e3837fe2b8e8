from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from scorer.errors import ModelError
from scorer.models.checkpoint import check, read_shapes

STATE = {"visual.positional_embedding": torch.zeros(5, 8), "logit_scale": torch.zeros(())}
SHAPES = {"visual.positional_embedding": (5, 8), "logit_scale": ()}


class Malicious:
    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (Path("never"),))


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".bin"])
@pytest.mark.parametrize(
    "content",
    [STATE, {"epoch": 3, "state_dict": {f"module.{name}": t for name, t in STATE.items()}}],
    ids=["state", "training"],
)
def test_shapes_of_torch_files(tmp_path: Path, suffix: str, content: object) -> None:
    torch.save(content, tmp_path / f"w{suffix}")

    assert read_shapes(tmp_path / f"w{suffix}") == SHAPES


def test_shapes_of_safetensors(tmp_path: Path) -> None:
    save_file(STATE, tmp_path / "w.safetensors")

    assert read_shapes(tmp_path / "w.safetensors") == SHAPES


@pytest.mark.parametrize("name", ["w.safetensors", "w.pt"])
@pytest.mark.parametrize("content", [b"", b"\x00" * 100, b"<html>404</html>", b"PK\x03\x04"])
def test_what_is_not_a_weights_file(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(ModelError, match=f"{name}: not a weights file, or a broken one"):
        read_shapes(tmp_path / name)


@pytest.mark.parametrize("name", ["w.safetensors", "w.pt"])
def test_a_download_that_was_cut_off(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    save_file(STATE, path) if name.endswith("safetensors") else torch.save(STATE, path)
    path.write_bytes(path.read_bytes()[:-50])

    with pytest.raises(ModelError, match="not a weights file, or a broken one"):
        read_shapes(path)


@pytest.mark.parametrize("content", [[torch.zeros(2)], {"epoch": 1}, {}, torch.zeros(2)])
def test_a_file_without_weights_by_name(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "w.pt")

    with pytest.raises(ModelError, match="holds no weights by name"):
        read_shapes(tmp_path / "w.pt")


def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path) -> None:
    torch.save({"a": Malicious()}, tmp_path / "w.pt")

    with pytest.raises(ModelError, match="not a weights file"):
        read_shapes(tmp_path / "w.pt")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_openais_own_archive_is_recognised(tmp_path: Path) -> None:
    archive: Any = torch.jit.script(torch.nn.Linear(2, 2))
    archive.save(tmp_path / "ViT-B-32.pt")

    with pytest.raises(ModelError, match="TorchScript archive, as OpenAI publishes CLIP"):
        read_shapes(tmp_path / "ViT-B-32.pt")


def test_position_embeddings_are_not_stretched(tmp_path: Path) -> None:
    check(tmp_path, SHAPES, STATE)  # of the same size: fits

    with pytest.raises(ModelError, match=r"visual\.positional_embedding is 5 × 8, not 50 × 8"):
        check(tmp_path, SHAPES, {"visual.positional_embedding": torch.zeros(50, 8)})
