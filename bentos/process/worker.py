"""What a serving process does before its first call: open the store, load the versions, make the application."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI

from bentos.answering.predictor import Predictor
from bentos.answering.shadow import Shadow
from bentos.callers.access import read_access
from bentos.http.app import create_app
from bentos.http.state import State
from bentos.monitoring import tracing
from bentos.monitoring.gauges import keep_looking
from bentos.monitoring.metrics import Metrics
from bentos.monitoring.worker_metrics import leave, share
from bentos.process.draining import drain_on_sigterm, end_when_orphaned
from bentos.settings import Settings
from bentos.store.backends import open_store
from bentos.versions.catalogue import INDEX, loads
from bentos.versions.following.worker import Following, first_report, recall, remember, take_up
from bentos.versions.loaded import Served, serve, serve_mock

logger = logging.getLogger(__name__)

SERVED = "served"  # a file in the folder that the workers share
Stop = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Place:
    """Where a worker belongs: the folder that all workers share, its number among them, and their supervisor's pid."""

    folder: Path
    number: int
    supervisor: int

    @property
    def was_served(self) -> bool:
        """Whether any worker of this service has started so far."""
        return (self.folder / SERVED).exists()

    def note_served(self) -> None:
        (self.folder / SERVED).touch()


async def start(settings: Settings, baked: Path | None, place: Place) -> tuple[FastAPI, Stop]:
    """The application, and what ends it.

    The versions are those in the folder `baked`, or else in the registry, on which a follower reports in the folder of
    the place. They are served until SIGTERM, or until the supervisor dies. Raises StoreError and SettingsError.
    """
    access = read_access(settings, place.folder)
    loading = asyncio.create_task(asyncio.to_thread(_load, settings, baked, place.folder))
    traces = tracing.start(settings)
    metrics = Metrics(share(place.folder, place.number))
    store = await open_store(settings)
    served, following = await loading
    if served.why_not_ready:
        logger.warning("not ready: %s", served.why_not_ready)
    metrics.swapped(Served(), served)
    predictor, shadow = Predictor(store, metrics), Shadow(metrics)
    state = State(settings.api_name, settings.model_name, served, store, metrics, predictor, shadow, following, access)
    drained = drain_on_sigterm(state.traffic, settings.drain_seconds)
    work = [shadow.run(), keep_looking(state), drained, end_when_orphaned(place.supervisor)]
    if following:
        work.append(following.run(state))
    tasks = [asyncio.create_task(part) for part in work]

    async def stop() -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await store.close()
        leave(place.folder, place.number)
        if traces:
            await tracing.stop(traces)

    return create_app(state), stop


def _load(settings: Settings, baked: Path | None, folder: Path) -> tuple[Served, Following | None]:
    """The versions to serve, and where news of them come from. That there are none does not stop the service."""
    if settings.mock_model:
        return serve_mock(), None
    if baked:
        return serve(loads((baked / INDEX).read_bytes()), baked), None
    report = first_report(folder)
    served = take_up(report, recall(folder))
    remember(folder, served, report.catalogue)
    return served, Following(folder, settings.poll_interval, report)
