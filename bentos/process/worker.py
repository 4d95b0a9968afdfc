"""Starts a worker: opens the store, loads the versions, makes the application; and ends it again."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

import bentoml
from fastapi import FastAPI

from bentos.answering.feedback import FeedbackRecorder
from bentos.answering.log_health import LogHealth
from bentos.answering.memory_cache import MemoryCache
from bentos.answering.model_pool import ModelPool
from bentos.answering.own_labels import OwnLabels
from bentos.answering.predictor import Predictor
from bentos.answering.review import ReviewQueue
from bentos.answering.sampling import ReviewSampler
from bentos.answering.shadow import Shadow
from bentos.answering.sketches import Sketches
from bentos.callers.keys import Keys
from bentos.callers.proxies import Proxies
from bentos.callers.rate_limits import RateLimits
from bentos.callers.shared_counters import SharedCounters
from bentos.http.app import create_app
from bentos.http.context import Service
from bentos.http.gauges import keep_gauges_updated
from bentos.monitoring import tracing
from bentos.monitoring.info import Bento
from bentos.monitoring.metrics import Metrics
from bentos.monitoring.worker_metrics import remove_gauges, share
from bentos.process.connections import connection_limits, limited_protocol, running_server
from bentos.process.draining import drain_on_sigterm
from bentos.process.folder import WorkerPlace
from bentos.process.orphans import end_with_supervisor
from bentos.settings import Settings
from bentos.store import Store
from bentos.store.backends import open_store
from bentos.versions.catalogue import BAKED_CATALOGUE, loads
from bentos.versions.following.follower_state import FollowerState
from bentos.versions.following.last_served import LastServed
from bentos.versions.following.watcher import StateWatcher, load_first
from bentos.versions.loaded import CurrentVersions, ServedVersions, changes
from bentos.versions.loading import load
from bentos.versions.mock import mock_versions

logger = logging.getLogger(__name__)

Stop = Callable[[], Awaitable[None]]


async def start(settings: Settings, baked: Path | None, place: WorkerPlace) -> tuple[FastAPI, Stop]:
    """Start a worker; returns its application, and a function that ends it.

    The versions are those in the folder `baked`, or those of the registry, whose follower writes to the shared folder.
    Raises StoreError and SettingsError.
    """
    keys = Keys(settings.api_keys_file) if settings.api_keys_file else None
    last_served = LastServed.of(settings)
    loading = asyncio.create_task(asyncio.to_thread(_load_versions, settings, baked, place.folder, last_served))
    trace_provider = tracing.start(settings)
    bento = Bento(bentoml.server_context.bento_name, bentoml.server_context.bento_version)
    metrics = Metrics(share(place.folder, place.number), bento)
    store = await open_store(settings)
    rate_limits = _rate_limits(settings, metrics)
    if rate_limits and rate_limits.shared:
        await rate_limits.shared.start()
    served, state = await loading
    if served.why_no_champion:
        logger.warning("not ready: %s", served.why_no_champion)
    current = CurrentVersions(served)

    def count_changes(before: ServedVersions, after: ServedVersions) -> None:
        metrics.count_version_changes(changes(before, after))

    count_changes(ServedVersions(), served)
    watcher = state and StateWatcher(place.folder, last_served, settings.poll_interval, state, current, count_changes)
    service = make_service(settings, current, store, metrics, watcher, keys, rate_limits)
    shadow, pool = service.shadow, service.pool
    server = running_server()
    server.config.http_protocol_class = limited_protocol(connection_limits())
    background = [
        shadow.run(),
        Sketches(current, metrics).run(),
        shadow.sampler.run(),
        service.log_health.run(),
        keep_gauges_updated(service),
        drain_on_sigterm(server, service.in_flight, settings.drain_seconds),
        end_with_supervisor(place.supervisor),
        *([watcher.run()] if watcher else []),
        *([rate_limits.shared.run()] if rate_limits and rate_limits.shared else []),
    ]
    tasks = [asyncio.create_task(coroutine) for coroutine in background]

    async def stop() -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        pool.close()
        if rate_limits and rate_limits.shared:
            await rate_limits.shared.close()
        await store.close()
        remove_gauges(place.folder, place.number)
        if trace_provider:
            await tracing.stop(trace_provider)

    return create_app(service), stop


def make_service(
    settings: Settings,
    current: CurrentVersions,
    store: Store,
    metrics: Metrics,
    watcher: StateWatcher | None = None,
    keys: Keys | None = None,
    rate_limits: RateLimits | None = None,
) -> Service:
    """The parts of a worker around its store and its versions."""
    pool, log_health, own_labels = ModelPool(settings.call_timeout), LogHealth(store), OwnLabels(store)
    memory = MemoryCache(settings.cache_memory * 2**20, settings.cache_ttl)
    sampler = ReviewSampler(store, metrics, settings.review_share, settings.review_per_hour)
    return Service(
        api_name=settings.api_name,
        model_name=settings.model_name,
        current=current,
        store=store,
        metrics=metrics,
        predictor=Predictor(store, metrics, pool, log_health, own_labels, memory, sampler.consider),
        pool=pool,
        log_health=log_health,
        shadow=Shadow(store, metrics, pool, sampler),
        feedback=FeedbackRecorder(store, metrics, own_labels),
        review=ReviewQueue(store, own_labels),
        watcher=watcher,
        keys=keys,
        protect_operations=settings.protect_operations,
        proxies=Proxies(settings.trusted_proxies),
        rate_limits=rate_limits,
        max_concurrency=settings.max_concurrency,
        cors_origins=tuple(settings.cors_origins.split(",")) if settings.cors_origins else (),
    )


def _rate_limits(settings: Settings, metrics: Metrics) -> RateLimits | None:
    """What counts the calls where a limit is set, in the storage that is set."""
    storage = settings.rate_limit_storage.get_secret_value()
    shared = SharedCounters(storage, metrics) if storage and settings.rate_limit else None
    return RateLimits(settings.rate_limit, shared) if settings.rate_limit else None


def _load_versions(
    settings: Settings, baked: Path | None, folder: Path, last_served: LastServed
) -> tuple[ServedVersions, FollowerState | None]:
    """The versions to serve, and the follower's state they come from where a registry is followed.

    A worker starts without any version, too: it then says why it is not ready.
    """
    if settings.mock_model:
        return mock_versions(), None
    if baked:
        return load(loads((baked / BAKED_CATALOGUE).read_bytes()), baked), None
    return load_first(folder, last_served)
