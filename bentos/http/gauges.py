"""The gauges of one worker: what `/metrics` tells of its present state."""

import asyncio
import time

from bentos.http.context import Service
from bentos.monitoring.info import VersionLabels
from bentos.monitoring.live_quality import QualityFigure, ShownQuality
from bentos.versions.following.follower_state import FollowerState
from bentos.versions.loaded import ServedVersions

UPDATE_EVERY = 1.0  # seconds: any worker may be asked for the metrics of all


def update_gauges(service: Service) -> None:
    """Set every gauge to the present state."""
    metrics, store, served = service.metrics, service.store.state(), service.served
    metrics.store_up.labels(service.store.name).set(bool(store["up"]))
    metrics.spooled.set(store.get("spooled", 0))
    metrics.ready.set(not service.why_not_ready)
    metrics.versions_loaded.set(len(served.versions))
    metrics.versions_refused.set(len(served.refused))
    metrics.show_versions(
        VersionLabels(v.number, alias, v.version.digest, v.version.variant or "")
        for v in served.versions
        for alias in v.aliases or ("",)
    )
    metrics.show_source_problems({v.number: bool(v.source_problem) for v in served.versions})
    if service.rate_limits and service.rate_limits.shared:
        metrics.rate_limits_shared.set(not service.rate_limits.problem)
    if service.watcher:
        read_at = service.watcher.state.read_at
        metrics.registry_up.set(not service.watcher.why_stale)
        metrics.registry_read_at.set(read_at.timestamp() if read_at else 0)
        metrics.show_quality(_shown_quality(service.watcher.state, served))


def _shown_quality(state: FollowerState, served: ServedVersions) -> ShownQuality | None:
    """What was published of the versions that are served now, by their numbers."""
    if not (state.catalogue and state.catalogue.quality):
        return None
    quality = state.catalogue.quality
    figures = (
        QualityFigure(version.number, measure, bound, value)
        for version in served.versions
        for measure, bounds in quality.versions.get(version.key, {}).items()
        for bound, value in bounds.items()
    )
    return ShownQuality(quality.measured_at.timestamp(), tuple(figures))


async def keep_gauges_updated(service: Service) -> None:
    while True:
        update_gauges(service)
        service.metrics.show_requests(service.in_flight.count, time.time())
        await asyncio.sleep(UPDATE_EVERY)
