"""Running prompts: one after the other, node by node, telling the client as ComfyUI does.

Takes jobs from the queue, keeps the results of the last graph for the next one, and writes history.
Which node comes next is `plan`'s business, what the client is told `running`'s, and what a node
does is in `nodes`.
"""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from orchestrator.sandbox.events import Hub
from orchestrator.sandbox.files import Folders
from orchestrator.sandbox.log import Observer
from orchestrator.sandbox.nodes import NODES, Node, Ui
from orchestrator.sandbox.plan import is_link, needed, order, signatures
from orchestrator.sandbox.prompt_queue import History, Job, PromptQueue
from orchestrator.sandbox.running import Interrupted, Run, Strike, nothing

Sleep = Callable[[float], Awaitable[object]]

HISTORY_LAG: Final = 0.002
"""Seconds for which a prompt has ended but is not in the history yet: ComfyUI has that gap too."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a node gave: values for its links, what it shows, and what is true of its pictures."""

    outputs: tuple[Any, ...]
    ui: Mapping[str, Any] | None
    truth: tuple[Mapping[str, Any], ...]


class Executor:
    def __init__(
        self,
        queue: PromptQueue,
        history: History,
        hub: Hub,
        folders: Folders,
        observer: Observer,
        *,
        seconds_per_step: float,
        previews: bool,
        sleep: Sleep = asyncio.sleep,
        now: Callable[[], float] = time.time,
        strike: Strike = nothing,
    ) -> None:
        self.current: Run | None = None
        self._queue = queue
        self._history = history
        self._hub = hub
        self._folders = folders
        self._observer = observer
        self._seconds_per_step = seconds_per_step
        self._previews = previews
        self._sleep = sleep
        self._now = now
        self._strike = strike
        self._cache: dict[str, Result] = {}
        self._stale = False

    async def run(self) -> None:
        """Run jobs for ever."""
        while True:
            await self._run(await self._queue.get())

    def interrupt(self, prompt_id: str | None = None, *, by: str) -> None:
        """Stop the running prompt at its next step, or only if it is this one."""
        hits: dict[str, str | None] = {"prompt_id": None, "client_id": None}
        if self.current and prompt_id in (None, self.current.job.prompt_id):
            self.current.interrupted = True
            hits = self.current.job.ids
        self._observer.note("interrupt", named=prompt_id, **hits, by=by)

    def forget(self) -> None:
        """Drop all cached results before the next prompt."""
        self._stale = True

    async def _run(self, job: Job) -> None:
        run = Run(
            job, self._hub, self._folders, self._previews, self._pause, self._now, self._strike
        )
        self.current = run
        self._note("started", job)
        run.message("execution_start")
        try:
            await self._visit(run)
        except Exception as error:
            run.failure(error)
            status = "interrupted" if isinstance(error, Interrupted) else "failed"
        else:
            run.message("execution_success")
            status = "finished"
        self.current = None
        self._observer.reveal(job.prompt_id, status, run.steps, run.truth)
        self._note(status, job, steps=run.steps)
        await self._strike("ended", run)
        await self._sleep(HISTORY_LAG)
        self._history.add(job.prompt_id, run.entry(status == "finished", self._shown(run)))
        self._queue.done()
        if job.client_id is not None:
            end = {"node": None, "prompt_id": job.prompt_id}
            self._hub.emit("executing", end, job.client_id)

    async def _pause(self) -> None:
        await self._sleep(self._seconds_per_step)

    async def _visit(self, run: Run) -> None:
        """Run the nodes that the job's outputs need and whose results are not known."""
        graph = needed(run.prompt, run.job.outputs)
        run.keys = signatures(graph, lambda node_id: self._fingerprint(graph[node_id]))
        self._keep(() if self._stale else run.keys.values())
        cached = {node_id: key for node_id, key in run.keys.items() if key in self._cache}
        run.message("execution_cached", nodes=list(cached))
        run.truth += [truth for key in cached.values() for truth in self._cache[key].truth]
        for node_id in order(graph, run.job.outputs, cached, lambda n: _class(graph[n]).is_output):
            run.node_id, run.inputs, key = node_id, {}, run.keys[node_id]
            if key in self._cache:
                run.about_node("executed", output=self._cache[key].ui)
            else:
                run.state(0.0, 1.0, "running")
                run.about_node("executing")
                run.inputs = self._inputs(run, graph[node_id])
                await self._strike("node", run)
                self._cache[key] = result = await _execute(run)
                if result.ui is not None:
                    run.about_node("executed", output=result.ui)
                run.executed.append(node_id)
            run.finish_state()

    def _fingerprint(self, content: dict[str, Any]) -> str:
        """What a node depends on besides its inputs.

        ComfyUI leaves it in the graph, and so in the files that carry the graph.
        """
        changed = _class(content).changed
        if changed is None:
            return ""
        content["is_changed"] = [changed(content["inputs"], self._folders)]
        return str(content["is_changed"])

    def _keep(self, keys: Collection[str]) -> None:
        """Forget all results but those that the next graph can use."""
        self._cache = {key: result for key, result in self._cache.items() if key in set(keys)}
        self._stale = False

    def _inputs(self, run: Run, content: Mapping[str, Any]) -> dict[str, Any]:
        """A node's declared inputs, links followed."""
        return {
            name: self._cache[run.keys[value[0]]].outputs[value[1]]
            if is_link(run.prompt, value)
            else value
            for name, value in content["inputs"].items()
            if name in _class(content).inputs
        }

    def _shown(self, run: Run) -> dict[str, Mapping[str, Any]]:
        """The `ui` of the output nodes whose results are there."""
        results = ((node_id, self._cache.get(key)) for node_id, key in run.keys.items())
        return {node_id: result.ui for node_id, result in results if result and result.ui}

    def _note(self, event: str, job: Job, **details: Any) -> None:
        self._observer.note(event, **job.ids, **details)


def _class(content: Mapping[str, Any]) -> Node:
    return NODES[content["class_type"]]


async def _execute(run: Run) -> Result:
    """Run the node that `run` is at. Plain functions go to a thread."""
    run.stop_if_interrupted()
    node = _class(run.prompt[run.node_id])
    before = len(run.truth)
    arguments = {**run.inputs, "context": run} if node.wants_context else run.inputs
    if inspect.iscoroutinefunction(node.run):
        given = await node.run(**arguments)
    else:
        given = await asyncio.to_thread(node.run, **arguments)
    truth = tuple(run.truth[before:])
    if isinstance(given, Ui):
        return Result((), given.content, truth)
    return Result(given if isinstance(given, tuple) else (given,), None, truth)
