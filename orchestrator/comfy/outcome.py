"""What became of one prompt, for those who sent it."""

from dataclasses import dataclass

from orchestrator.comfy.explain import Explainer
from orchestrator.comfy.prompt_state import End, OutputImage, PromptState


@dataclass(frozen=True, slots=True)
class Outcome:
    ending: End
    images: tuple[OutputImage, ...] = ()
    cached: bool = False
    """There are pictures, and the server had made them all before: nothing was generated."""
    dropped: tuple[str, ...] = ()
    """Why some outputs were left out although the prompt ran, one line each."""
    error: str = ""
    """Why it failed or is lost, in one line."""
    out_of_memory: bool = False
    seconds: float = 0.0
    """From start to end on the server; by our clock where the server does not say."""


def conclude(
    state: PromptState, explainer: Explainer, *, dropped: tuple[str, ...], seconds: float
) -> Outcome:
    """The outcome of a settled prompt; `seconds` by our clock."""
    if state.end is None:
        raise ValueError(f"prompt {state.prompt_id} has not ended")
    ending, error = state.end, ""
    if state.failure:
        error = explainer.failure(state.failure)
    if state.failure and state.failure.blocked:
        dropped, error = (*dropped, error), ""
    if ending is End.LOST:
        error = f"{explainer.server} knows nothing of prompt {state.prompt_id} (any more)"
    if ending is End.SUCCEEDED and state.unsent:
        ending = End.LOST
        error = f"{explainer.server} sent the picture while the websocket was down"
    elif ending is End.SUCCEEDED and state.unknown:
        ending = End.LOST
        error = f"{explainer.server} no longer knows what prompt {state.prompt_id} made"
    if state.started is not None and state.ended is not None:
        seconds = max(0.0, state.ended - state.started)
    return Outcome(
        ending=ending,
        images=state.images,
        cached=state.cached,
        dropped=dropped,
        error=error,
        out_of_memory=bool(state.failure and state.failure.out_of_memory),
        seconds=seconds,
    )
