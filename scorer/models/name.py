"""The grammar of model names. Whether there is such a model is the business of `source`.

::

    scenes                             the small model shipped with the scorer
    ARCHITECTURE:PRETRAINED            open_clip's names: ViT-B-32:laion2b_s34b_b79k
    ARCHITECTURE:/path/to/checkpoint   a local file: .safetensors, .pt, .pth or .bin
    ARCHITECTURE                       where open_clip knows only one PRETRAINED for it
"""

from dataclasses import dataclass
from pathlib import Path

from scorer.errors import ModelError

CHECKPOINT_SUFFIXES = (".safetensors", ".pt", ".pth", ".bin")
EXAMPLES = "scenes, ViT-B-32:laion2b_s34b_b79k, or ViT-B-32:/path/to/open_clip_model.safetensors"


@dataclass(frozen=True)
class ModelName:
    architecture: str
    pretrained: str | None = None
    checkpoint: Path | None = None

    @classmethod
    def parse(cls, text: str) -> "ModelName":
        """Raises ModelError for text that can't be a model's name."""
        architecture, colon, weights = text.strip().partition(":")
        if not architecture or (colon and not weights):
            raise ModelError(f"{text!r} is not a model's name; examples: {EXAMPLES}")
        if architecture.startswith((".", "/", "~")) or architecture.endswith(CHECKPOINT_SUFFIXES):
            raise ModelError(
                f"{text}: a weights file doesn't say what it is weights of; put open_clip's name"
                f" of the architecture before it, such as ViT-B-32:{text}"
            )
        architecture = architecture.replace("/", "-")  # OpenAI's way of writing: ViT-B/32
        if "/" in weights or weights.endswith(CHECKPOINT_SUFFIXES):
            return cls(architecture, checkpoint=Path(weights).expanduser())
        return cls(architecture, pretrained=weights or None)

    def __str__(self) -> str:
        weights = self.checkpoint.name if self.checkpoint else self.pretrained
        return f"{self.architecture}:{weights}" if weights else self.architecture
