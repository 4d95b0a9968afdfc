"""A worker's part in following the registry: it watches the follower's state and replaces the served versions."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from bentos.versions.following.follower_state import FILE, READ_TIMEOUT, FollowerState
from bentos.versions.following.last_served import LastServed
from bentos.versions.loaded import CurrentVersions, ServedVersions
from bentos.versions.loading import load

LOOK_EVERY = 0.25  # seconds between two looks at the follower's state
RETRY_REFUSED = 60.0  # seconds after which a refused version is tried again

logger = logging.getLogger(__name__)

OnReplaced = Callable[[ServedVersions, ServedVersions], None]  # called with the snapshots before and after


def first_state(folder: Path) -> FollowerState:
    """Wait for the follower's first state."""
    deadline = time.monotonic() + READ_TIMEOUT
    while not (folder / FILE).exists():
        if time.monotonic() > deadline:
            return FollowerState(problem="the model registry cannot be read: the log says why")
        time.sleep(0.02)
    return FollowerState.read(folder)


def load_first(folder: Path, last_served: LastServed) -> tuple[ServedVersions, FollowerState]:
    """The versions that a new worker serves, and the follower's state they come from. Blocks: call it in a thread.

    It begins with the versions served last, which are all there is where the registry cannot be read.
    """
    state, last = first_state(folder), last_served.read()
    before = load(last.catalogue, last_served.folder) if last.catalogue else ServedVersions()
    if last.catalogue and state.catalogue is None:
        logger.warning("the versions served last are served again: %s", state.problem)
        state = replace(last, problem=state.problem)
    return _load_state(last_served, state, before), state


class StateWatcher:
    """Loads what a new state of the follower asks for, off the event loop, and replaces the snapshot in `current`."""

    def __init__(
        self,
        folder: Path,
        last_served: LastServed,
        poll_interval: float,
        state: FollowerState,
        current: CurrentVersions,
        on_replaced: OnReplaced,
    ) -> None:
        self.folder = folder
        self.last_served = last_served
        self.poll_interval = poll_interval
        self.state = state
        self.current = current
        self._on_replaced = on_replaced
        self._seen = 0  # the modification time of the state that was read last, in nanoseconds
        self._loaded_at = time.monotonic()

    @property
    def why_stale(self) -> str:
        """Why the registry's newest state is not known; empty when it is."""
        if self.state.problem or self.state.read_at is None:
            return self.state.problem
        silent = (datetime.now(UTC) - self.state.read_at).total_seconds()
        if silent > READ_TIMEOUT + 2 * self.poll_interval:
            return "the process that follows the registry does not answer: the log says why"
        return ""

    async def run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            try:
                await self._look()
            except Exception:  # of any kind: what is loaded goes on, and the next look may succeed
                logger.exception("the registry's state is not taken up")

    async def _look(self) -> None:
        before, state = self.current.served, await self._new_state()
        retry = before.refused and time.monotonic() - self._loaded_at > RETRY_REFUSED
        changed = state is not None and (state.catalogue != self.state.catalogue or not before.versions)
        if changed or retry:
            self._loaded_at = time.monotonic()
            served = await asyncio.to_thread(_load_state, self.last_served, state or self.state, before)
            self.current.served = served
            self._on_replaced(before, served)
        self.state = state or self.state

    async def _new_state(self) -> FollowerState | None:
        """The follower's state, if it was written since the last look; with the last catalogue where it has none."""
        try:
            written = (self.folder / FILE).stat().st_mtime_ns
        except FileNotFoundError:  # the service is ending
            return None
        if written == self._seen:
            return None
        self._seen = written
        state = await asyncio.to_thread(FollowerState.read, self.folder)
        return state if state.catalogue else replace(self.state, problem=state.problem)


def _load_state(last_served: LastServed, state: FollowerState, before: ServedVersions) -> ServedVersions:
    """What the follower's state asks to serve, recorded as what was served last; nothing where it has no catalogue."""
    if state.catalogue is None:
        return ServedVersions(problem=state.problem)
    served = load(state.catalogue, last_served.folder, before)
    if served.versions:
        last_served.write(served, state)
    return served if served.versions else replace(served, problem=state.problem or served.problem)
