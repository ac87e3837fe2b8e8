"""Trains the scenes CLIP, from nothing, on scenes drawn as it goes.

    python -m orchestrator.sandbox.train_clip --out scorer/models/scenes

One process draws, one learns: two cores, no GPU, under half an hour. Two losses: an InfoNCE over
the batch, which teaches to tell captions apart, and a sigmoid loss with a fixed scale, which puts
the score 100 · cos where larger CLIPs have it, so that 28 is even odds of a caption being true.
Captions are often true of several pictures: those pairs are known exactly and never count as
negatives. `clip_data` makes what is learnt from, `clip_report` measures what came of it.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, IterableDataset

from orchestrator.sandbox import clip_data, clip_report
from orchestrator.sandbox.clip_captions import KNOWN_WORDS
from scorer import torchvision_shim
from scorer.models import scenes

open_clip = torchvision_shim.import_open_clip()

SEED: Final = 20
STEPS: Final = 4500
FAMILIES: Final = 16
SIGHT_RATE: Final = 3e-3
LANGUAGE_RATE: Final = 3e-3
APART: Final = 0.12
"""Share of the steps in which each tower learns on its own, before they meet."""
EVEN_ODDS: Final = 28.0
STEEPNESS: Final = 0.7
LOWEST: Final = 12.0


class Vocabulary:
    """Maps the stock tokenizer's ids to the few that are learnt; 0 is every other token."""

    def __init__(self, context_length: int) -> None:
        self._tokenize = open_clip.SimpleTokenizer(context_length=context_length)
        marks = {self._tokenize.sot_token_id, self._tokenize.eot_token_id}
        known = set(self._tokenize.encode(KNOWN_WORDS)) | marks
        self.tokens = torch.tensor(sorted(known))
        self._small = torch.zeros(self._tokenize.vocab_size, dtype=torch.long)
        # Order is kept, so the end of text still has the largest id: the model reads it off there.
        self._small[self.tokens] = torch.arange(1, len(known) + 1)

    def __len__(self) -> int:
        return len(self.tokens) + 1

    def encode(self, captions: list[str]) -> Tensor:
        """(N, L) ids, cut to the longest of the captions."""
        tokens = self._tokenize(captions)
        longest = int((tokens != 0).sum(1).max())
        return self._small[tokens[:, :longest]]


class Drawn(IterableDataset[dict[str, Tensor]]):
    """Batches as tensors, drawn in the worker process that iterates over this."""

    def __init__(self, seed: int, families: int, vocabulary: Vocabulary) -> None:
        self._seed, self._families, self._vocabulary = seed, families, vocabulary

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        for batch in clip_data.batches(self._seed, self._families):
            yield {
                "images": torch.from_numpy(batch.images),
                "tokens": self._vocabulary.encode(batch.captions),
                "truth": torch.from_numpy(batch.truth),
                "seen": labels(batch.seen),
                "said": labels(batch.said),
            }


class Readout(nn.Module):
    """Reads every attribute off an embedding: a teacher for each tower, left at home."""

    SIZES: Final = (5, 7, 7, 3, 7, 7, 3, 6)  # layout, then shape, colour, size twice, background

    def __init__(self, width: int) -> None:
        super().__init__()
        self.heads = nn.ModuleList(nn.Linear(width, n) for n in self.SIZES)

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        losses = [
            F.cross_entropy(head(features), labels[:, i]) for i, head in enumerate(self.heads)
        ]
        return torch.stack(losses).mean()


def labels(codes: clip_data.Codes) -> Tensor:
    """(N, 8) answers for `Readout`: things from left or top to right or bottom, 0 for none."""
    relation = codes[:, 7:8]  # left, right, above, below: the odd ones are told the other way round
    codes = np.where((relation >= 0) & (relation % 2 == 1), clip_data.retold(codes), codes)
    layout = np.where(codes[:, 0] == 2, 2 + (codes[:, 7] >= 0) + (codes[:, 7] >= 2), codes[:, 0])
    return torch.from_numpy(np.column_stack([layout, codes[:, 1:7] + 1, codes[:, 8] + 1]))


def normalize(images: Tensor) -> Tensor:
    """(N, H, W, 3) uint8 to what open_clip's own transform makes of them."""
    cfg = open_clip.transform.PreprocessCfg()
    mean, std = (torch.tensor(v) * 255 for v in (cfg.mean, cfg.std))
    return ((images.float() - mean) / std).permute(0, 3, 1, 2)


def encode_text(model: Any, tokens: Tensor) -> Tensor:
    """`model.encode_text` for captions shorter than the context."""
    length = tokens.shape[1]
    x = model.token_embedding(tokens) + model.positional_embedding[:length]
    x = model.ln_final(model.transformer(x, attn_mask=model.attn_mask[:length, :length]))
    pooled: Tensor = x[torch.arange(len(x)), tokens.argmax(1)] @ model.text_projection
    return pooled


def contrast(scores: Tensor, truth: Tensor, scale: Tensor) -> Tensor:
    """InfoNCE both ways; other true answers count neither as right nor as wrong."""
    captions = torch.arange(scores.shape[1])
    own = torch.zeros_like(truth)
    own[clip_data.CAPTIONED * captions, captions] = True
    logits = (scale * scores).masked_fill(truth & ~own, -1e4)
    of_captions = F.cross_entropy(logits.T, clip_data.CAPTIONED * captions)
    return (of_captions + F.cross_entropy(logits[:: clip_data.CAPTIONED], captions)) / 2


def calibrate(scores: Tensor, truth: Tensor) -> Tensor:
    """Sigmoid loss, fixed scale: true pairs, near misses of the family, and the rest at half."""
    pictures, captions = (torch.arange(n) for n in scores.shape)
    near = (pictures // clip_data.FAMILY)[
        :, None
    ] == captions * clip_data.CAPTIONED // clip_data.FAMILY
    losses = F.binary_cross_entropy_with_logits(
        STEEPNESS * (100 * scores - EVEN_ODDS), truth.float(), reduction="none"
    )
    return losses[truth].mean() + losses[~truth & near].mean() + 0.5 * losses[~truth & ~near].mean()


def hold_up(scores: Tensor) -> Tensor:
    """Keeps the wrongest pairs from falling ever further: larger CLIPs hardly go below `LOWEST`."""
    return 20 * F.relu(LOWEST / 100 - scores).square().mean()


def train(steps: int, families: int, seed: int) -> tuple[scenes.State, Vocabulary]:
    """Learn for a number of steps; returns the state of a model with the small vocabulary."""
    torch.manual_seed(seed)
    config = json.loads(scenes.CONFIG.read_text())
    vocabulary = Vocabulary(config["text_cfg"]["context_length"])
    config["text_cfg"]["vocab_size"] = len(vocabulary)
    model = open_clip.CLIP(**config).to(memory_format=torch.channels_last)
    what_is_seen, what_is_said = (Readout(config["embed_dim"]) for _ in range(2))
    sight = [*model.visual.parameters(), *what_is_seen.parameters()]
    language = [p for name, p in model.named_parameters() if not name.startswith("visual.")]
    language += what_is_said.parameters()
    optimizer = torch.optim.AdamW(
        [{"params": sight}, {"params": language}], betas=(0.9, 0.98), weight_decay=0.02
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, [SIGHT_RATE, LANGUAGE_RATE], total_steps=steps, pct_start=0.1
    )
    loader = DataLoader(
        Drawn(seed, families, vocabulary), batch_size=None, num_workers=1, prefetch_factor=8
    )
    started = time.monotonic()
    for step, batch in zip(range(steps), loader, strict=False):
        with torch.autocast("cpu", torch.bfloat16):
            image = model.visual(normalize(batch["images"])).float()
            text = encode_text(model, batch["tokens"]).float()
        losses = {
            "seen": 2 * what_is_seen(image, batch["seen"]),
            "said": what_is_said(text, batch["said"]),
        }
        if step >= APART * steps:
            scores = F.normalize(image, dim=1) @ F.normalize(text, dim=1).T
            scale = model.logit_scale.exp().clamp(max=100)
            losses["contrast"] = contrast(scores, batch["truth"], scale)
            losses["calibrate"] = calibrate(scores, batch["truth"]) + hold_up(scores)
        optimizer.zero_grad(set_to_none=True)
        loss = torch.stack([*losses.values()]).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(sight, 1.0)
        nn.utils.clip_grad_norm_(language, 1.0)
        optimizer.step()
        schedule.step()
        if step % 50 == 0 or step == steps - 1:
            told = "  ".join(f"{name} {value.item():.3f}" for name, value in losses.items())
            print(f"{step:5d}/{steps}  {told}  {time.monotonic() - started:.0f} s", file=sys.stderr)
    return model.state_dict(), vocabulary


def export(state: scenes.State, vocabulary: Vocabulary, file: Path) -> None:
    """Write shipped weights from a state with the small vocabulary."""
    rows = state["token_embedding.weight"]
    full = rows[0].repeat(int(vocabulary.tokens.max()) + 1, 1)
    full[vocabulary.tokens] = rows[1:]
    small = scenes.compact({**state, "token_embedding.weight": full}, vocabulary.tokens, rows[0])
    save_file({name: t.contiguous() for name, t in small.items()}, file)


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the scenes CLIP and measure it.")
    parser.add_argument("--out", type=Path, required=True, help="folder for weights.safetensors")
    parser.add_argument("--quick", action="store_true", help="a few steps, to see that all runs")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    steps, scale = (20, 0.1) if arguments.quick else (STEPS, 1.0)
    arguments.out.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    state, vocabulary = train(steps, FAMILIES, SEED)
    minutes = (time.monotonic() - started) / 60
    weights = arguments.out / scenes.WEIGHTS.name
    export(state, vocabulary, weights)
    print(f"trained in {minutes:.0f} minutes, {weights.stat().st_size / 1e6:.1f} MB: {weights}")
    print(clip_report.table(clip_report.report(weights, scale)))


if __name__ == "__main__":
    main()
