"""What the routes and middleware work with, made once when a worker starts."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from fastapi import Request

from bentos.answering.feedback import FeedbackRecorder
from bentos.answering.log_health import LogHealth
from bentos.answering.model_pool import ModelPool
from bentos.answering.predictor import Predictor
from bentos.answering.review import ReviewQueue
from bentos.answering.shadow import Shadow
from bentos.callers.keys import Keys
from bentos.callers.proxies import Proxies
from bentos.callers.rate_limits import RateLimits
from bentos.monitoring.metrics import Metrics
from bentos.store import Store
from bentos.versions.following.watcher import StateWatcher
from bentos.versions.loaded import CurrentVersions, ServedVersions, public_hint

CALLER = "bentos.caller"  # the key of the caller's name in the scope of every request that needs a caller
RIGHTS = "bentos.rights"  # the key of its rights, a frozenset, beside the name
# Open to everyone, with or without keys: they reveal no texts or callers, and load balancers, Prometheus and browsers
# have no key. PROTECT_OPERATIONS closes /metrics.
OPEN_PATHS = frozenset(
    {
        *("/livez", "/healthz", "/readyz", "/v2/health/live", "/v2/health/ready", "/metrics"),
        *("/docs", "/openapi.json", "/docs.json", "/schema.json"),
    }
)
PAGE_PATHS = frozenset({"/", "/versions", "/review"})  # browsers get pages, without texts or callers; programs get JSON
ENDING = "the service is ending"
CANNOT_LOG = "calls cannot be logged now"


class InFlight:
    """How many requests are being answered, and whether the worker is draining, that is, about to end."""

    def __init__(self) -> None:
        self.draining = False
        self.count = 0
        self._last_end = float("-inf")

    def begin(self) -> None:
        self.count += 1

    def end(self) -> None:
        self.count -= 1
        self._last_end = time.monotonic()

    def idle_seconds(self) -> float:
        """How long no request has been answered; 0 while one is."""
        return 0.0 if self.count else time.monotonic() - self._last_end


@dataclass(frozen=True)
class Service:
    """One worker's parts. Those that default to None are absent unless a setting asks for them."""

    api_name: str
    model_name: str
    current: CurrentVersions
    store: Store
    metrics: Metrics
    predictor: Predictor
    pool: ModelPool
    log_health: LogHealth
    shadow: Shadow
    feedback: FeedbackRecorder
    review: ReviewQueue
    watcher: StateWatcher | None = None  # only where a registry is followed
    keys: Keys | None = None
    protect_operations: bool = False  # only with keys
    proxies: Proxies = field(default_factory=Proxies)
    rate_limits: RateLimits | None = None
    max_concurrency: int = 0  # 0 for no limit
    cors_origins: tuple[str, ...] = ()
    in_flight: InFlight = field(default_factory=InFlight)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def served(self) -> ServedVersions:
        """The snapshot in force. A request reads it once and passes it on."""
        return self.current.served

    @property
    def why_not_ready(self) -> str:
        """Why new calls should go to another service, in words for anybody; empty when they need not."""
        if self.in_flight.draining:
            return ENDING
        if self.served.why_no_champion:
            return public_hint(self.served.why_no_champion)
        return CANNOT_LOG if self.log_health.problem else ""

    @property
    def problems(self) -> list[str]:
        """Everything that is wrong now."""
        problems = [
            ENDING if self.in_flight.draining else "",
            self.served.why_no_champion,
            self.log_health.problem and f"{CANNOT_LOG}: {self.log_health.problem}",
            self.store.state().get("error"),
            self.watcher.why_stale if self.watcher else "",
            self.rate_limits.problem if self.rate_limits else "",
            *(f"version {refused.number} cannot be served: {refused.problem}" for refused in self.served.refused),
            *(f"version {v.number}: {v.source_problem}" for v in self.served.versions if v.source_problem),
        ]
        return [problem for problem in problems if problem]

    async def count_more_texts(self, caller: str, texts: int) -> None:
        """Count the texts of a call beyond the first, where a rate limit is set. Raises CallError."""
        if self.rate_limits:
            await self.rate_limits.count_more(caller, texts)


def service_of(request: Request) -> Service:
    return request.app.state.service


def caller_of(request: Request) -> str:
    """The caller's name in the log: the key's name, or else the address."""
    return request.scope[CALLER]


def rights_of(request: Request) -> frozenset[str]:
    """What the caller may do. It has the right of its route: `middleware.authentication` has checked that."""
    return request.scope[RIGHTS]
