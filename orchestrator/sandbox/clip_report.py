"""Measures the shipped scenes CLIP on scenes it has never seen, as the scorer would use it.

    python -m orchestrator.sandbox.clip_report

Pictures are drawn at 256 pixels and go through open_clip's own transform; weights are those in the
file. What comes out is in the model card. `train_clip` makes the weights.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file

from orchestrator.sandbox.clip_data import KINDS, random_scene, variants
from orchestrator.sandbox.draw import Pixels, draw, emerge
from orchestrator.sandbox.prompt import read
from orchestrator.sandbox.scene import Thing, caption
from orchestrator.sandbox.world import Settings, glimpse, imagine
from scorer import torchvision_shim
from scorer.models import scenes

open_clip = torchvision_shim.import_open_clip()

GATE: Final = 28.0
SIZE: Final = 256
PROGRESS: Final = (0.2, 0.33, 0.5, 0.7)
HELD_OUT: Final = 10**6
"""Seeds from here on are not trained on; with real-valued jitter no picture would recur anyway."""

Scores = NDArray[np.floating[Any]]


class Judge:
    """100 · cos of pictures and captions."""

    def __init__(self, weights: Path) -> None:
        config = json.loads(scenes.CONFIG.read_text())
        self._model = open_clip.CLIP(**config)
        self._model.load_state_dict(scenes.expand(load_file(weights)))
        self._model.eval()
        self._tokenize = open_clip.SimpleTokenizer(
            context_length=config["text_cfg"]["context_length"]
        )
        cfg = open_clip.transform.PreprocessCfg(size=config["vision_cfg"]["image_size"])
        self._transform = open_clip.transform.image_transform_v2(cfg, is_train=False)

    def __call__(self, pictures: Sequence[Pixels], captions: Sequence[str]) -> Scores:
        """(pictures, captions)."""
        images = torch.stack([self._transform(Image.fromarray(picture)) for picture in pictures])
        with torch.inference_mode():
            image = self._model.encode_image(images, normalize=True)
            text = self._model.encode_text(self._tokenize(list(captions)), normalize=True)
        scores: Scores = (100 * image @ text.T).numpy()
        return scores


@dataclass
class Report:
    """Shares are 0 to 1."""

    first_of_16: float
    beats_all: dict[str, float]
    auc: float
    auc_worst_prompt: float
    precision: float
    recall: float
    right: float
    mean_right: float
    mean_wrong: float
    preview_agreement: dict[str, float]


def report(weights: Path, scale: float = 1.0) -> Report:
    """All figures; `scale` below 1 takes fewer samples."""
    judge, rng = Judge(weights), np.random.default_rng(HELD_OUT)
    first, beats = ranking(judge, rng, round(1500 * scale))
    prompts = [typical_prompt(rng) for _ in range(round(60 * scale))]
    results = [generate(judge, prompt, seeds=40) for prompt in prompts]
    aucs = [auc(scores, right) for scores, right in results if 0 < right.sum() < len(right)]
    scores, right = (np.concatenate(parts) for parts in zip(*results, strict=True))
    passed = scores >= GATE
    return Report(
        first_of_16=first,
        beats_all=beats,
        auc=float(np.mean(aucs)),
        auc_worst_prompt=float(np.min(aucs)),
        precision=float(right[passed].mean()),
        recall=float(passed[right].mean()),
        right=float(right.mean()),
        mean_right=float(scores[right].mean()),
        mean_wrong=float(scores[~right].mean()),
        preview_agreement=agreement(judge, prompts[: round(20 * scale)]),
    )


def table(found: Report) -> str:
    """The report as Markdown."""
    rows = {
        "right caption first among 16": f"{found.first_of_16:.1%}",
        **{
            f"beats all wrong captions by {kind}": f"{share:.1%}"
            for kind, share in found.beats_all.items()
        },
        "ROC AUC, right against wrong pictures of one prompt, mean": f"{found.auc:.4f}",
        "the same, worst prompt": f"{found.auc_worst_prompt:.3f}",
        "pictures that are right": f"{found.right:.1%}",
        f"of pictures with clip>={GATE:.0f}, right": f"{found.precision:.1%}",
        f"of right pictures, clip>={GATE:.0f}": f"{found.recall:.1%}",
        "mean score of right / wrong pictures": f"{found.mean_right:.1f} / {found.mean_wrong:.1f}",
        **{
            f"previews at {progress} of the steps, Spearman's ρ with the final score": f"{rho:.2f}"
            for progress, rho in found.preview_agreement.items()
        },
    }
    body = "\n".join(f"| {name} | {value} |" for name, value in rows.items())
    return f"| measure | value |\n| --- | --- |\n{body}"


def ranking(judge: Judge, rng: np.random.Generator, scenes_: int) -> tuple[float, dict[str, float]]:
    """How often the right caption is first among 16 that differ in one attribute, and how often it
    beats every wrong one of a kind. The few captions of the hard kinds are always among the 16.
    """
    first = 0
    beaten: dict[str, list[bool]] = {kind: [] for kind in KINDS}
    for _ in range(scenes_):
        scene = random_scene(rng, things=2)
        others = variants(scene)
        hard = [o for o in others if o[0] in ("swap", "missing", "relation", "size")]
        easy = [o for o in others if o not in hard]
        picked = [easy[i] for i in rng.permutation(len(easy))[: 15 - len(hard)]]
        rivals = hard + picked
        picture = draw(scene, seed=int(rng.integers(HELD_OUT, 2**53)), width=SIZE, height=SIZE)
        own, *theirs = judge([picture], [caption(scene), *(caption(s) for _, s in rivals)])[0]
        first += own > max(theirs)
        for kind in KINDS:
            beaten[kind].append(
                all(own > s for s, (k, _) in zip(theirs, rivals, strict=True) if k == kind)
            )
    return first / scenes_, {kind: float(np.mean(won)) for kind, won in beaten.items()}


def typical_prompt(rng: np.random.Generator) -> str:
    """Mostly two coloured things and a relation; sometimes one thing, a size, a background."""
    scene = random_scene(rng, things=2 if rng.random() < 0.8 else 1)
    things = tuple(
        Thing(thing.shape, thing.colour, thing.size if rng.random() < 0.2 else None)
        for thing in scene.things
    )
    background = scene.background if rng.random() < 0.25 else None
    return caption(replace(scene, things=things, background=background))


def generate(judge: Judge, prompt: str, seeds: int) -> tuple[Scores, NDArray[np.bool_]]:
    """Scores of a prompt's pictures, and whether they are right."""
    wanted = read(prompt)
    results = [imagine(wanted, Settings(HELD_OUT + seed)) for seed in range(seeds)]
    pictures = [draw(r.scene, seed=r.look, width=SIZE, height=SIZE) for r in results]
    return judge(pictures, [prompt])[:, 0], np.array([r.right for r in results])


def agreement(judge: Judge, prompts: Sequence[str]) -> dict[str, float]:
    """Spearman's correlation of previews' scores with final ones by progress, mean over prompts."""
    found: dict[str, list[float]] = {f"{progress:.0%}": [] for progress in PROGRESS}
    for prompt in prompts:
        wanted = read(prompt)
        final, _ = generate(judge, prompt, seeds=40)
        for progress, correlations in zip(PROGRESS, found.values(), strict=True):
            seen = [(glimpse(wanted, Settings(HELD_OUT + seed), progress)) for seed in range(40)]
            pictures = [
                emerge(g.scene, seed=g.look, width=SIZE, height=SIZE, progress=progress)
                for g in seen
            ]
            correlations.append(spearman(judge(pictures, [prompt])[:, 0], final))
    return {progress: float(np.mean(values)) for progress, values in found.items()}


def auc(scores: Scores, right: NDArray[np.bool_]) -> float:
    """The chance that a right picture scores higher than a wrong one."""
    return float((scores[right][:, None] > scores[~right][None]).mean())


def spearman(one: Scores, other: Scores) -> float:
    ranks = [np.argsort(np.argsort(values)).astype(float) for values in (one, other)]
    return float(np.corrcoef(ranks)[0, 1])


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the scenes CLIP.")
    parser.add_argument("--weights", type=Path, default=scenes.WEIGHTS)
    parser.add_argument("--scale", type=float, default=1.0, help="fewer samples below 1")
    arguments = parser.parse_args()
    print(table(report(arguments.weights, arguments.scale)))


if __name__ == "__main__":
    main()
