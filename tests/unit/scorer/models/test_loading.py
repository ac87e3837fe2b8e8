from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from scorer.errors import ModelError
from scorer.models.clip_model import ClipModel
from scorer.models.loading import choose_device, load
from scorer.torchvision_shim import import_open_clip


def test_a_loaded_model_says_what_it_is(model: ClipModel) -> None:
    assert model.name == "Test-CLIP:weights.safetensors"
    assert (model.context_length, model.image_size) == (24, (32, 32))
    assert (str(model.device), model.precision) == ("cpu", "fp32")


def test_the_weights_hash_is_of_the_weights_and_not_of_the_file(
    checkpoint: Path, model: ClipModel, tmp_path: Path
) -> None:
    state = load_file(checkpoint)
    torch.save({"epoch": 1, "state_dict": state}, tmp_path / "same.pt")
    state["visual.proj"][0, 0] += 1
    save_file(state, tmp_path / "other.safetensors")

    assert model.weights.startswith("sha256:")
    assert load(f"Test-CLIP:{tmp_path / 'same.pt'}").weights == model.weights
    assert load(f"Test-CLIP:{tmp_path / 'other.safetensors'}").weights != model.weights


@pytest.mark.parametrize("change", ["missing", "unexpected", "shape"])
def test_weights_of_another_architecture_are_one_line(
    checkpoint: Path, tmp_path: Path, change: str
) -> None:
    state = load_file(checkpoint)
    if change == "missing":
        del state["visual.proj"]
    elif change == "unexpected":
        state["visual.extra"] = torch.zeros(1)
    else:
        state["visual.proj"] = torch.zeros(3, 3)
    path = tmp_path / "w.safetensors"
    save_file(state, path)

    with pytest.raises(ModelError, match=f"^{path}: not weights of Test-CLIP: ") as error:
        load(f"Test-CLIP:{path}")

    assert "\n" not in str(error.value)


def test_weights_that_are_not_numbers_do_not_pass_the_canary(
    checkpoint: Path, tmp_path: Path
) -> None:
    state = load_file(checkpoint)
    state["visual.proj"][:] = float("nan")
    save_file(state, tmp_path / "w.safetensors")

    with pytest.raises(ModelError, match="no usable embeddings"):
        load(f"Test-CLIP:{tmp_path / 'w.safetensors'}")


def test_an_architecture_that_needs_another_package_says_so(
    model_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def create_model(*_: object, **__: object) -> None:
        raise RuntimeError("Please `pip install transformers`\n to use it")

    monkeypatch.setattr(import_open_clip(), "create_model", create_model)

    with pytest.raises(ModelError) as error:
        load(model_name)

    assert str(error.value) == (
        "Test-CLIP: can't be built: Please `pip install transformers` to use it"
    )


def test_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)

    assert str(choose_device("auto")) == "mps"
    assert str(choose_device("cpu")) == "cpu"
    with pytest.raises(ModelError, match=r"no device 'cuda' here for torch .*; there is mps, cpu"):
        choose_device("cuda")
