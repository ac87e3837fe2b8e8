from pathlib import Path

import pytest

from scorer.errors import ModelError
from scorer.models.name import ModelName


@pytest.mark.parametrize(
    ("text", "name", "shown"),
    [
        ("scenes", ModelName("scenes"), "scenes"),
        ("ViT-B-32:openai", ModelName("ViT-B-32", "openai"), "ViT-B-32:openai"),
        (" ViT-B/32:openai ", ModelName("ViT-B-32", "openai"), "ViT-B-32:openai"),
        ("RN50:/a/b.pt", ModelName("RN50", checkpoint=Path("/a/b.pt")), "RN50:b.pt"),
        ("RN50:b.safetensors", ModelName("RN50", checkpoint=Path("b.safetensors")), None),
        ("RN50:./b", ModelName("RN50", checkpoint=Path("b")), "RN50:b"),
        ("RN50:C:/b.bin", ModelName("RN50", checkpoint=Path("C:/b.bin")), "RN50:b.bin"),
    ],
)
def test_names(text: str, name: ModelName, shown: str | None) -> None:
    assert ModelName.parse(text) == name
    assert shown is None or str(name) == shown


def test_a_home_folder_is_found() -> None:
    assert ModelName.parse("RN50:~/b.pt").checkpoint == Path.home() / "b.pt"


@pytest.mark.parametrize("text", ["", " ", ":", ":openai", "ViT-B-32:"])
def test_what_is_not_a_name_is_answered_with_examples(text: str) -> None:
    with pytest.raises(ModelError, match="not a model's name; examples: scenes"):
        ModelName.parse(text)


@pytest.mark.parametrize("text", ["/a/b.pt", "./b", "~/b", "weights.safetensors"])
def test_a_file_alone_is_answered_with_how_to_name_its_architecture(text: str) -> None:
    with pytest.raises(ModelError, match="open_clip's name"):
        ModelName.parse(text)
