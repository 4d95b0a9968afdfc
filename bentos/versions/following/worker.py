"""A worker's part in following the registry: it takes up what the follower reports."""

import asyncio
import logging
import os
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from bentos.http.state import State
from bentos.versions.catalogue import Catalogue, dumps, loads
from bentos.versions.following.process import FILE, PATIENCE, Report
from bentos.versions.loaded import Served, serve

HELD = "held.json"  # beside the follower's file: what the workers serve, which is not all that the registry asks for
LOOK = 0.25  # seconds between two looks at the follower's file
RETRY = 60.0  # seconds after which what was refused is tried again

logger = logging.getLogger(__name__)


def first_report(folder: Path) -> Report:
    """The follower's report, as soon as there is one."""
    deadline = time.monotonic() + PATIENCE
    while not (folder / FILE).exists():
        if time.monotonic() > deadline:
            return Report(why="the model registry cannot be read: the log says why")
        time.sleep(0.02)
    return Report.read(folder)


def take_up(report: Report, before: Served) -> Served:
    """What a report asks to serve; `before` where it has no catalogue."""
    if report.catalogue is None:
        return Served(before.versions, before.refused, report.why, before.routing)
    return serve(report.catalogue, before=before)


def recall(folder: Path) -> Served:
    """What the workers of this service serve. One that starts anew holds on to what the others hold on to."""
    path = folder / HELD
    return serve(loads(path.read_bytes())) if path.exists() else Served()


def remember(folder: Path, served: Served, catalogue: Catalogue | None) -> None:
    """Write down what is served now: versions of the catalogue, and those that it no longer has but that are held."""
    path = folder / HELD
    before = loads(path.read_bytes()).entries if path.exists() else ()
    known = {entry.key: entry for entry in (*before, *(catalogue.entries if catalogue else ()))}
    held = [replace(known[v.key], aliases=v.aliases) for v in served.versions if v.key in known]
    new = folder / f"{HELD}.{os.getpid()}"
    new.write_text(dumps(Catalogue(tuple(held))))
    new.replace(path)


class Following:
    """Looks at the follower's file, loads off the event loop, and swaps `state.served`."""

    def __init__(self, folder: Path, poll_interval: float, report: Report) -> None:
        self.folder = folder
        self.poll_interval = poll_interval
        self.report = report
        self._seen = 0
        self._tried_at = time.monotonic()

    @property
    def why_stale(self) -> str:
        """Why the registry's newest state is not known; empty when it is."""
        if self.report.why or self.report.read_at is None:
            return self.report.why
        silent = (datetime.now(UTC) - self.report.read_at).total_seconds()
        if silent > PATIENCE + 2 * self.poll_interval:
            return "the process that follows the registry does not answer: the log says why"
        return ""

    def about(self) -> dict[str, str | None]:
        """In the shape of `schemas.RegistryNow`."""
        read_at = self.report.read_at
        return {"read_at": read_at and read_at.isoformat(timespec="seconds"), "why_stale": self.why_stale}

    async def run(self, state: State) -> None:
        while True:
            await asyncio.sleep(LOOK)
            try:
                await self._look(state)
            except Exception:  # whatever it is, what is loaded goes on, and the next look may go better
                logger.exception("the registry's state is not taken up")

    async def _look(self, state: State) -> None:
        before, report = state.served, await self._news()
        retry = before.refused and time.monotonic() - self._tried_at > RETRY
        if report is None and not retry:
            return
        changed = report is not None and (report.catalogue != self.report.catalogue or not before.versions)
        if changed or retry:
            self._tried_at = time.monotonic()
            state.served = await asyncio.to_thread(self._take_up, report or self.report, before)
            state.metrics.swapped(before, state.served)
        self.report = report or self.report

    def _take_up(self, report: Report, before: Served) -> Served:
        served = take_up(report, before)
        remember(self.folder, served, report.catalogue)
        return served

    async def _news(self) -> Report | None:
        """The report, if it is another than the last one seen."""
        try:
            written = (self.folder / FILE).stat().st_mtime_ns
        except FileNotFoundError:  # before the first report, or when the service ends
            return None
        if written == self._seen:
            return None
        self._seen = written
        return await asyncio.to_thread(Report.read, self.folder)
