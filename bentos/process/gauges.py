"""Keeps the gauges of one worker up to date."""

import asyncio
from dataclasses import dataclass

from bentos.answering.log_health import LogHealth
from bentos.http.context import InFlight
from bentos.monitoring.metrics import Metrics
from bentos.store import Store
from bentos.versions.following.watcher import ReportWatcher
from bentos.versions.loaded import CurrentVersions

UPDATE_EVERY = 1.0  # seconds: any worker may be asked for the metrics of all


@dataclass(frozen=True)
class Gauges:
    metrics: Metrics
    store: Store
    current: CurrentVersions
    watcher: ReportWatcher | None
    in_flight: InFlight
    log_health: LogHealth

    def update(self) -> None:
        """Set every gauge to the present state."""
        metrics, store, served = self.metrics, self.store.state(), self.current.served
        metrics.store_up.labels(self.store.name).set(bool(store["up"]))
        metrics.spooled.set(store.get("spooled", 0))
        metrics.ready.set(not (self.in_flight.draining or served.why_not_ready or self.log_health.problem))
        metrics.versions_loaded.set(len(served.versions))
        metrics.versions_refused.set(len(served.refused))
        metrics.show_source_problems({v.number: bool(v.source_problem) for v in served.versions})
        if self.watcher:
            read_at = self.watcher.report.read_at
            metrics.registry_up.set(not self.watcher.why_stale)
            metrics.registry_read_at.set(read_at.timestamp() if read_at else 0)

    async def keep_updated(self) -> None:
        while True:
            self.update()
            await asyncio.sleep(UPDATE_EVERY)
