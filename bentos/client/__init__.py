"""A typed Python client of the service, with and without asyncio. It needs httpx and nothing of the service itself."""

from bentos.client.answers import (
    Comparison,
    Feedback,
    LoggedCall,
    Prediction,
    RefusedVersion,
    RegistryState,
    RoutingState,
    ServedVersion,
    Top,
    Versions,
    Weight,
)
from bentos.client.asynchronous import AsyncClient
from bentos.client.errors import (
    ClientError,
    InvalidCall,
    MissingRight,
    NotAllowed,
    NotFound,
    Refused,
    TooManyCalls,
    Unavailable,
    UnexpectedAnswer,
    Unreachable,
)
from bentos.client.retries import Retries
from bentos.client.synchronous import Client

__all__ = [
    "AsyncClient",
    "Client",
    "ClientError",
    "Comparison",
    "Feedback",
    "InvalidCall",
    "LoggedCall",
    "MissingRight",
    "NotAllowed",
    "NotFound",
    "Prediction",
    "Refused",
    "RefusedVersion",
    "RegistryState",
    "Retries",
    "RoutingState",
    "ServedVersion",
    "TooManyCalls",
    "Top",
    "Unavailable",
    "UnexpectedAnswer",
    "Unreachable",
    "Versions",
    "Weight",
]
