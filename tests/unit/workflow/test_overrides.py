from typing import Any

import pytest

from orchestrator.errors import WorkflowError
from tests.unit.workflow.graphs import bind_api, bound, node, plain, sampler, text

DOTTED = node("Scale", title="v1.5 scale", **{"resize.width": 64, "seed": 1})


@pytest.mark.parametrize(
    ("role", "place", "slots"),
    [
        ("prompt", "neg.text", ["neg.text"]),
        ("positive", "Negative.text", ["neg.text"]),
        ("prompt", "neg", ["neg.text"]),
        ("prompt", "Negative", ["neg.text"]),
        ("prompt", "pos, neg.text", ["pos.text", "neg.text"]),
        ("prompt", "both", ["both.text_g", "both.text_l"]),
        ("prompt", "odd", ["odd.words"]),
        ("prompt", "wired.text", ["wired.text"]),
        ("prompt", "wired", ["holder.value"]),
        ("prompt", "draw", ["pos.text"]),
        ("negative", "pos", ["pos.text"]),
        ("seed", "other.seed", ["other.seed"]),
        ("seed", "other", ["other.seed"]),
        ("seed", "v1.5 scale.seed", ["dotted.seed"]),
        ("width", "dotted.resize.width", ["dotted.resize.width"]),
        ("steps", "holder2", ["holder2.value"]),
        ("image", "pic", ["pic.image"]),
        ("outputs", "draw", ["draw"]),
        ("output", "draw,save", ["draw", "save"]),
    ],
)
def test_the_user_has_the_last_word(role: str, place: str, slots: list[str]) -> None:
    api = plain(
        both=node("CLIPTextEncodeSDXL", text_g="a cat", text_l="photo", clip=["ckpt", 1]),
        odd=node("Odd", words="a cat", number=1),
        wired=node("CLIPTextEncode", text=["holder", 0], clip=["ckpt", 1]),
        holder=node("PrimitiveString", value="a cat"),
        holder2=node("PrimitiveInt", value=30),
        other=sampler(8),
        pic=node("LoadImage", image="a.png"),
        dotted=DOTTED,
    )
    role_found = {"prompt": "positive", "output": "outputs"}.get(role, role)
    assert bound(bind_api(api, {role: place}))[role_found] == slots


def test_a_prompt_that_can_not_be_found_can_be_said() -> None:
    api = plain(draw=node("Oracle", words="a cat", luck=3), decode=node("D", samples=["draw", 0]))
    found = bound(bind_api(api, {"prompt": "draw.words", "seed": "draw.luck"}))
    assert found["positive"] == ["draw.words"]
    assert found["seed"] == ["draw.luck"]


TWINS = plain(pos=text("a", "Prompt"), neg=text("b", "Prompt"))


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ({"promt": "pos"}, '"promt" can\'t be bound (did you mean "prompt"?)'),
        ({"prompt": "Positve"}, 'no node has the id or title "Positve" (did you mean "Positive"?)'),
        ({"prompt": "positve.text"}, '"positve" (did you mean "Positive"?)'),
        (
            {"prompt": "zzz"},
            'title "zzz"; there are: ckpt "CheckpointLoaderSimple", pos "Positive"',
        ),
        (
            {"prompt": "pos.txt"},
            'node pos "Positive" has no input "txt" (did you mean "text"?); its inputs: text, clip',
        ),
        ({"prompt": "draw.seed"}, 'draw "KSampler" seed: 5 can\'t be the prompt: it takes a text'),
        ({"seed": "pos.text"}, "can't be the seed: it takes a whole number"),
        ({"cfg": "pos.text"}, "can't be the cfg: it takes a number"),
        ({"seed": "latent"}, 'node latent "EmptyLatentImage": which input is the seed?'),
        ({"seed": "pos"}, "none of its inputs could be"),
        ({"outputs": "save.images"}, "outputs are nodes"),
    ],
)
def test_slips_are_explained(overrides: dict[str, str], says: str) -> None:
    with pytest.raises(WorkflowError) as error:
        bind_api(plain(), overrides)
    assert says in str(error.value)


def test_a_title_that_two_nodes_have_is_no_place() -> None:
    with pytest.raises(WorkflowError) as error:
        bind_api(TWINS, {"prompt": "Prompt.text"})
    assert str(error.value) == (
        '"Prompt.text" is ambiguous: pos "Prompt" text: a; neg "Prompt" text: b; '
        "use the id, in front of the title"
    )
    with pytest.raises(WorkflowError, match='ambiguous: pos "Prompt"; neg "Prompt"'):
        bind_api(TWINS, {"prompt": "Prompt"})


def test_an_input_tells_nodes_of_one_title_apart() -> None:
    api: dict[str, Any] = plain(pos=text("a", "Main"), latent=node("Empty", title="Main", width=8))
    assert bound(bind_api(api, {"prompt": "Main.text"}))["positive"] == ["pos.text"]
