from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.sandbox.files import Folders, annotated


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path, tmp_path / "output")


def save(folders: Folders, prefix: str, count: int = 1) -> list[dict[str, str]]:
    return folders.save([b"x"] * count, prefix, "output", width=64, height=32)


def names(folders: Folders, prefix: str, count: int = 1) -> list[str]:
    return [f"{file['subfolder']}/{file['filename']}" for file in save(folders, prefix, count)]


def test_files_are_counted_per_prefix(folders: Folders) -> None:
    assert names(folders, "a", 2) == ["/a_00001_.png", "/a_00002_.png"]
    assert names(folders, "a") == ["/a_00003_.png"]
    assert names(folders, "ab") == ["/ab_00001_.png"]
    assert names(folders, "sub/dir/a") == ["sub/dir/a_00001_.png"]
    assert (folders.output / "sub/dir/a_00001_.png").read_bytes() == b"x"


def test_counting_goes_on_after_what_is_there(folders: Folders) -> None:
    (folders.output / "a_00041_.png").write_bytes(b"old")
    assert names(folders, "a") == ["/a_00042_.png"]


def test_prefixes_are_filled_in(folders: Folders) -> None:
    assert names(folders, "%width%x%height%_%batch_num%", 2) == [
        "/64x32_0_00001_.png",
        "/64x32_1_00002_.png",
    ]
    (dated,) = names(folders, "%year%-%month%")
    assert dated.startswith("/2")
    assert "%" not in dated


@pytest.mark.parametrize("prefix", ["../a", "/a", "x/../../a", ".."])
def test_prefixes_that_lead_outside_are_refused(folders: Folders, prefix: str) -> None:
    with pytest.raises(ValueError, match="outside the output folder"):
        save(folders, prefix)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    subfolder=st.text(alphabet="a./\\", max_size=12), name=st.text(alphabet="a./\\", max_size=12)
)
def test_no_path_leaves_its_folder(folders: Folders, subfolder: str, name: str) -> None:
    path = folders.inside("input", subfolder, name)
    if path is not None:
        assert path.resolve().is_relative_to(folders.of("input").resolve())


def test_uploads_are_images_only(folders: Folders) -> None:
    for name in ("b.png", "a.JPG", "notes.txt"):
        (folders.of("input") / name).write_bytes(b"")
    assert folders.uploads() == ["a.JPG", "b.png"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.png", ("a.png", None)),
        ("a.png [output]", ("a.png", "output")),
        ("sub/a.png [temp]", ("sub/a.png", "temp")),
        ("a.png [elsewhere]", ("a.png [elsewhere]", None)),
    ],
)
def test_annotations(name: str, expected: tuple[str, str | None]) -> None:
    assert annotated(name) == expected
