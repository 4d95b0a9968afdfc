"""What the routes work with, made once when the service starts."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fastapi import Request

from bentos.access import Access
from bentos.draining import Traffic
from bentos.metrics import Metrics
from bentos.predict import Predictor
from bentos.served import Served
from bentos.shadow import Shadow
from bentos.store import Store

if TYPE_CHECKING:
    from bentos.following import Following


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
        return "the service is ending" if self.traffic.leaving else self.served.why_not_ready


def state_of(request: Request) -> State:
    return request.app.state.service
