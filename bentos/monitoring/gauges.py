"""What the gauges show. Every worker looks at its own state, since any of them may be asked for the figures of all."""

import asyncio

from bentos.http.state import State

EVERY = 1.0  # seconds


def look(state: State) -> None:
    """Set every gauge to what holds now."""
    metrics, store, served = state.metrics, state.store.state(), state.served
    metrics.store_up.labels(state.store.name).set(bool(store["up"]))
    metrics.spooled.set(store.get("spooled", 0))
    metrics.ready.set(not state.why_not_ready)
    metrics.versions_loaded.set(len(served.versions))
    metrics.versions_refused.set(len(served.refused))
    if following := state.following:
        read_at = following.report.read_at
        metrics.registry_up.set(not following.why_stale)
        metrics.registry_read_at.set(read_at.timestamp() if read_at else 0)


async def keep_looking(state: State) -> None:
    while True:
        look(state)
        await asyncio.sleep(EVERY)
