"""Reads what services count of each version from their `/metrics`, and adds up what they count from a look to the next.

A service that is started again counts from 0: what it counts then is all new.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPMessage
from typing import IO, NamedTuple
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

ERRORS, SECONDS, LABELS = "spam_version_call_errors_total", "spam_version_call_seconds_bucket", "spam_labels_total"
TEXTS = "spam_predictions_total"
SHADOWED, DISAGREED = "spam_shadow_texts_total", "spam_shadow_disagreements_total"
COUNTERS = {ERRORS: "", SECONDS: "le", LABELS: "label", TEXTS: "source"}
COUNTERS |= {SHADOWED: "shadow_version", DISAGREED: "shadow_version"}  # the second label of each, after the version
SERVED, FOLLOWS = "spam_version_info", "spam_registry_up"

UNTOLD = "does not read the registry, so it learns of no share"

TIMEOUT = 5.0  # seconds without a byte
DEADLINE = 10.0  # seconds for the whole page
MAX_BYTES = 16 * 2**20  # of a page


class ServiceProblem(Exception):
    """A service or its metrics cannot be read; the message says which and why."""


class Series(NamedTuple):
    """A counter of one version; `part` is the value of its second label, empty where it has none."""

    counter: str
    version: str
    part: str = ""


Counts = Mapping[Series, float]


class Served(NamedTuple):
    """A version that a service has loaded, once for each of its aliases."""

    number: str
    alias: str
    digest: str


@dataclass(frozen=True)
class Page:
    """What one service says: its counters since it was started, the versions that it has loaded, and whether it reads
    the registry, where it learns of a share.
    """

    counts: Counts
    served: frozenset[Served]
    follows: bool


@dataclass(frozen=True)
class Look:
    """What was counted since the look before, of all services together; what each has loaded; and why some are missing.

    What a service counts while it cannot be read is part of the next look that reads it.
    """

    counts: Counts
    served: Mapping[str, frozenset[Served]] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)


class Services:
    """The services at `urls`. `key` is sent to them where it is not empty."""

    def __init__(self, urls: Sequence[str], key: str = "") -> None:
        self.urls = tuple(dict.fromkeys(urls))
        self._key = key
        self._last: dict[str, Counts] = {}

    def look(self) -> Look:
        """The first look has everything that was counted since the services were started."""
        with ThreadPoolExecutor(len(self.urls)) as threads:
            pages = dict(zip(self.urls, threads.map(self._read, self.urls), strict=True))
        read = {url: page for url, page in pages.items() if isinstance(page, Page)}
        new = added(increase(self._last.get(url, {}), page.counts) for url, page in read.items())
        self._last |= {url: page.counts for url, page in read.items()}
        problems = {url: str(problem) for url, problem in pages.items() if isinstance(problem, ServiceProblem)}
        problems |= {url: UNTOLD for url, page in read.items() if not page.follows}
        return Look(new, {url: page.served for url, page in read.items()}, problems)

    def _read(self, url: str) -> Page | ServiceProblem:
        try:
            return parsed(fetch(f"{url}/metrics", self._key))
        except ServiceProblem as problem:
            return problem


def increase(before: Counts, now: Counts) -> Counts:
    """What was counted between two readings of one service."""
    if any(now.get(series, 0.0) < value for series, value in before.items()):
        return now
    return {series: value - before.get(series, 0.0) for series, value in now.items()}


def added(counts: Iterable[Counts]) -> Counts:
    total: dict[Series, float] = {}
    for each in counts:
        for series, value in each.items():
            total[series] = total.get(series, 0.0) + value
    return total


def parsed(text: str) -> Page:
    """Raises ServiceProblem for a text that is not the service's."""
    try:
        families = list(text_string_to_metric_families(text))
        counts, served = _counts(families), _served(families)
    except (ValueError, KeyError) as error:
        raise ServiceProblem(f"what it answers are no metrics of this service: {error!r}") from error
    if not any(family.name == "spam_build_info" for family in families):
        raise ServiceProblem("what it answers are no metrics of this service")
    follows = any(sample.value for family in families if family.name == FOLLOWS for sample in family.samples)
    return Page(counts, served, follows)


def _counts(families: Iterable[Metric]) -> Counts:
    samples = (sample for family in families for sample in family.samples if sample.name in COUNTERS)
    return {
        Series(sample.name, sample.labels["model_version"], sample.labels.get(COUNTERS[sample.name], "")): sample.value
        for sample in samples
    }


def _served(families: Iterable[Metric]) -> frozenset[Served]:
    samples = (sample.labels for family in families if family.name == SERVED for sample in family.samples)
    return frozenset(Served(labels["model_version"], labels["alias"], labels["digest"]) for labels in samples)


class _NoRedirects(HTTPRedirectHandler):
    """The key goes to the service that was named, and nowhere else."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        return None


def fetch(url: str, key: str) -> str:
    """The page's text. Raises ServiceProblem, after DEADLINE and TIMEOUT seconds at most."""
    request = Request(url, headers={"Authorization": f"Bearer {key}"} if key else {})
    end, content = time.monotonic() + DEADLINE, bytearray()
    try:
        with build_opener(_NoRedirects).open(request, timeout=TIMEOUT) as response:
            while piece := response.read1(2**16):
                content += piece
                if len(content) > MAX_BYTES or time.monotonic() > end:
                    raise ServiceProblem("its metrics are too long, or come too slowly")
        return content.decode()
    except HTTPError as error:
        raise ServiceProblem(_refusal(error.code)) from error
    except (OSError, HTTPException, UnicodeDecodeError) as error:
        raise ServiceProblem(f"cannot be read: {getattr(error, 'reason', error)}") from error


def _refusal(status: int) -> str:
    if status in (401, 403):
        return f"answers {status} for its metrics: they need a key with the right `operate`, as SERVICE_KEY"
    return f"answers {status} for its metrics"
