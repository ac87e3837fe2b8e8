"""One request's way: bytes → picture → model's input → embeddings → scores.

Decoding and scaling happen in a few threads of their own, so that the next picture is ready when
the model is free. Knows nothing of HTTP.
"""

import asyncio
import math
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch

from scorer.batching import ModelQueue
from scorer.errors import BadRequest, ScorerError
from scorer.image import Limits, decode
from scorer.metrics import METRICS
from scorer.models.clip_model import ClipModel
from scorer.text import PromptEncoder
from scorer.wire import (
    ImageInfo,
    Milliseconds,
    ModelInfo,
    PromptInfo,
    Score,
    ScoreAnswer,
)


@dataclass(frozen=True)
class _Prepared:
    input: torch.Tensor
    info: ImageInfo
    milliseconds: float


class Pipeline:
    def __init__(
        self, model: ClipModel, queue: ModelQueue, limits: Limits, decoders: int = 2
    ) -> None:
        self._model = model
        self._queue = queue
        self._limits = limits
        self._prompts = PromptEncoder(model)
        self._decoders = ThreadPoolExecutor(decoders, thread_name_prefix="decode")

    @property
    def info(self) -> ModelInfo:
        model = self._model
        return ModelInfo(
            name=model.name,
            weights=model.weights,
            context_length=model.context_length,
            image_size=model.image_size,
            device=str(model.device),
            precision=model.precision,
            metrics=tuple(METRICS),
        )

    async def score(self, data: bytes, prompt: str, metrics: Sequence[str]) -> ScoreAnswer:
        """Score the bytes of an image against a prompt.

        Args:
            metrics: names of `scorer.metrics.METRICS`.

        Raises:
            RequestError: there is no such metric, or this picture or prompt can't be scored.
        """
        if unknown := [name for name in metrics if name not in METRICS]:
            raise BadRequest(f"no metric {unknown[0]!r}; there is {', '.join(METRICS)}")
        loop = asyncio.get_running_loop()
        prepared = await loop.run_in_executor(self._decoders, self._prepare, data)
        return await self._queue.run(lambda: self._score(prepared, prompt, metrics))

    def _prepare(self, data: bytes) -> _Prepared:
        start = time.perf_counter()
        picture = decode(data, self._limits)
        width, height = picture.image.size
        info = ImageInfo(width=width, height=height, format=picture.format)
        return _Prepared(self._model.prepare(picture.image), info, _milliseconds_since(start))

    def _score(self, prepared: _Prepared, prompt: str, metrics: Sequence[str]) -> ScoreAnswer:
        start = time.perf_counter()
        text = self._prompts.encode(prompt)
        image = self._model.encode_images(prepared.input[None])
        scores = [self._value(name, image, text.embedding[None]) for name in metrics]
        return ScoreAnswer(
            scores=tuple(scores),
            prompt=PromptInfo(tokens=text.tokens, chunks=text.chunks),
            image=prepared.info,
            milliseconds=Milliseconds(
                decode=prepared.milliseconds, forward=_milliseconds_since(start)
            ),
        )

    def _value(self, name: str, image: torch.Tensor, text: torch.Tensor) -> Score:
        metric = METRICS[name]
        value = float(metric.compute(image, text))
        if not math.isfinite(value):
            raise ScorerError(f"{self._model.name} gives no number for this picture")
        return Score(
            metric=name,
            value=value,
            version=metric.version,
            model=self._model.name,
            weights=self._model.weights,
        )


def _milliseconds_since(start: float) -> float:
    return round((time.perf_counter() - start) * 1000, 3)
