"""What the routes work with, made once when the service starts."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fastapi import Request

from bentos.answering.predictor import Predictor
from bentos.answering.shadow import Shadow
from bentos.callers.access import Access
from bentos.monitoring.metrics import Metrics
from bentos.process.draining import Traffic
from bentos.store import Store
from bentos.versions.loaded import Served, hinted

if TYPE_CHECKING:
    from bentos.versions.following.worker import Following


ENDING = "the service is ending"


@dataclass
class State:
    """`served` is replaced as a whole when versions change; a request reads it once."""

    api_name: str
    model_name: str
    served: Served
    store: Store
    metrics: Metrics
    predictor: Predictor
    shadow: Shadow
    following: "Following | None" = None  # absent where no registry is followed
    access: Access = field(default_factory=Access)
    traffic: Traffic = field(default_factory=Traffic)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def why_not_ready(self) -> str:
        """Why new calls should go elsewhere; empty when they need not."""
        return ENDING if self.traffic.leaving else self.served.why_not_ready

    @property
    def why_not_ready_openly(self) -> str:
        """The same for those who show no key."""
        return self.why_not_ready and (ENDING if self.traffic.leaving else hinted(self.why_not_ready))


def state_of(request: Request) -> State:
    return request.app.state.service
