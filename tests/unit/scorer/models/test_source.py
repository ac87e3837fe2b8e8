from pathlib import Path

import httpx
import huggingface_hub
import pytest

from scorer.errors import ModelError
from scorer.models.name import ModelName
from scorer.models.source import find


@pytest.fixture
def empty_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_: None)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("vit-b32:openai", "no architecture 'vit-b32'; did you mean ViT-B-32 or"),
        ("quite-else", "no architecture 'quite-else'$"),
        ("scenes:openai", "it has its own weights; write scenes alone"),
        ("ViT-B-32:laion", "no weights 'laion'; it has openai, laion400m_e31, "),
        ("ViT-B-32", "say which weights: openai, laion400m_e31, "),
        ("ViT-M-32", "no weights for ViT-M-32; give a file"),
        ("ViT-B-32:openai", "trained with QuickGELU; use ViT-B-32-quickgelu:openai"),
        ("ViT-B-32-quickgelu:laion2b_s34b_b79k", "no weights 'laion2b_s34b_b79k'; it has openai"),
        ("ViT-B-32:/no/such.safetensors", "^/no/such.safetensors: no such file"),
    ],
)
def test_names_that_cannot_be_right(name: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        find(ModelName.parse(name))


def test_a_local_file_is_scaled_as_all_weights_of_its_architecture_are(tmp_path: Path) -> None:
    (tmp_path / "w.pt").touch()

    found = find(ModelName.parse(f"ViT-B-16-SigLIP:{tmp_path / 'w.pt'}"))

    assert found.preprocessing["mean"] == (0.5, 0.5, 0.5)
    assert found.preprocessing["resize_mode"] == "squash"
    assert found.cautions == ()


def test_what_a_local_file_does_not_tell_is_said(tmp_path: Path) -> None:
    (tmp_path / "w.pt").touch()

    found = find(ModelName.parse(f"ViT-L-14:{tmp_path / 'w.pt'}"))

    quick, scaling = found.cautions
    assert f"ViT-L-14-quickgelu:{tmp_path / 'w.pt'}" in quick
    assert "differ in how they want pictures scaled" in scaling


def test_downloaded_weights_are_used_without_the_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cached(repository: str, filename: str) -> str:
        return str(tmp_path / repository / filename)

    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", cached)

    found = find(ModelName.parse("ViT-B-16-SigLIP"))  # open_clip has only one for it

    assert found.checkpoint == tmp_path / "timm/ViT-B-16-SigLIP/open_clip_model.safetensors"
    assert found.preprocessing["std"] == (0.5, 0.5, 0.5)


@pytest.mark.usefixtures("empty_cache")
def test_without_a_network_it_says_which_file_to_get(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(url: str, **_: object) -> httpx.Response:
        raise httpx.ConnectError("Name or service not known")

    monkeypatch.setattr(httpx, "head", unreachable)

    with pytest.raises(ModelError) as error:
        find(ModelName.parse("ViT-B-32:laion2b_s34b_b79k"))

    assert str(error.value) == (
        "can't download ViT-B-32:laion2b_s34b_b79k (Name or service not known); get"
        " https://huggingface.co/laion/CLIP-ViT-B-32-laion2B-s34B-b79K/resolve/main/"
        "open_clip_model.safetensors in another way"
        " and use --model ViT-B-32:/path/to/open_clip_model.safetensors"
    )


@pytest.mark.usefixtures("empty_cache")
def test_the_second_name_is_tried_where_the_hub_does_not_have_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def head(url: str, **_: object) -> httpx.Response:
        return httpx.Response(200 if url.endswith(".bin") else 404, request=httpx.Request("", url))

    monkeypatch.setattr(httpx, "head", head)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", lambda *parts: "/".join(parts))

    found = find(ModelName.parse("RN50-quickgelu:openai"))

    assert found.checkpoint == Path("timm/resnet50_clip.openai/open_clip_pytorch_model.bin")
