"""A worker's part in following the registry: it watches the follower's report and replaces the served versions."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from bentos.versions.following.last_served import LastServed
from bentos.versions.following.report import FILE, READ_TIMEOUT, Report
from bentos.versions.loaded import CurrentVersions, ServedVersions
from bentos.versions.loading import load

LOOK_EVERY = 0.25  # seconds between two looks at the report
RETRY_REFUSED = 60.0  # seconds after which a refused version is tried again

logger = logging.getLogger(__name__)

OnReplaced = Callable[[ServedVersions, ServedVersions], None]  # called with the snapshots before and after


def first_report(folder: Path) -> Report:
    """Wait for the follower's first report."""
    deadline = time.monotonic() + READ_TIMEOUT
    while not (folder / FILE).exists():
        if time.monotonic() > deadline:
            return Report(problem="the model registry cannot be read: the log says why")
        time.sleep(0.02)
    return Report.read(folder)


def load_first(folder: Path, last_served: LastServed) -> tuple[ServedVersions, Report]:
    """The versions that a new worker serves, and the report they come from. Blocks: call it in a thread.

    It begins with the versions served last, which are all there is where the registry cannot be read.
    """
    report, last = first_report(folder), last_served.read()
    before = load(last.catalogue, last_served.folder) if last.catalogue else ServedVersions()
    if last.catalogue and report.catalogue is None:
        logger.warning("the versions served last are served again: %s", report.problem)
        report = replace(last, problem=report.problem)
    return _load_report(last_served, report, before), report


class ReportWatcher:
    """Loads what a new report asks for, off the event loop, and replaces the snapshot in `current`."""

    def __init__(
        self,
        folder: Path,
        last_served: LastServed,
        poll_interval: float,
        report: Report,
        current: CurrentVersions,
        on_replaced: OnReplaced,
    ) -> None:
        self.folder = folder
        self.last_served = last_served
        self.poll_interval = poll_interval
        self.report = report
        self.current = current
        self._on_replaced = on_replaced
        self._seen = 0  # the modification time of the report that was read last, in nanoseconds
        self._loaded_at = time.monotonic()

    @property
    def why_stale(self) -> str:
        """Why the registry's newest state is not known; empty when it is."""
        if self.report.problem or self.report.read_at is None:
            return self.report.problem
        silent = (datetime.now(UTC) - self.report.read_at).total_seconds()
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
        before, report = self.current.served, await self._new_report()
        retry = before.refused and time.monotonic() - self._loaded_at > RETRY_REFUSED
        changed = report is not None and (report.catalogue != self.report.catalogue or not before.versions)
        if changed or retry:
            self._loaded_at = time.monotonic()
            served = await asyncio.to_thread(_load_report, self.last_served, report or self.report, before)
            self.current.served = served
            self._on_replaced(before, served)
        self.report = report or self.report

    async def _new_report(self) -> Report | None:
        """The report, if it was written since the last look; with the last catalogue where it has none."""
        try:
            written = (self.folder / FILE).stat().st_mtime_ns
        except FileNotFoundError:  # the service is ending
            return None
        if written == self._seen:
            return None
        self._seen = written
        report = await asyncio.to_thread(Report.read, self.folder)
        return report if report.catalogue else replace(self.report, problem=report.problem)


def _load_report(last_served: LastServed, report: Report, before: ServedVersions) -> ServedVersions:
    """What the report asks to serve, recorded as what was served last; nothing where it has no catalogue."""
    if report.catalogue is None:
        return ServedVersions(problem=report.problem)
    served = load(report.catalogue, last_served.folder, before)
    if served.versions:
        last_served.write(served, report)
    return served if served.versions else replace(served, problem=report.problem or served.problem)
