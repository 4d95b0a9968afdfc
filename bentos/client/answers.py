"""The service's answers. Each class has the fields that the service's OpenAPI document has under the same name.

A field that a newer service adds is left out.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, fields, is_dataclass
from types import NoneType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Top:
    """The answered label and its probability."""

    label: str
    value: float


@dataclass(frozen=True)
class Weight:
    """By how much the log-odds of the top label fall without these words."""

    words: str
    weight: float


@dataclass(frozen=True)
class Prediction:
    """The answer to one text. `verdict` is the label on top, or `unsure` where a person should look.

    `source` is `model`, or `correction` where the label is your own, from an earlier correction of the text.
    """

    prediction: dict[str, float]
    top: Top
    verdict: str
    from_cache: bool
    model_version: str
    id: str
    source: str = "model"
    unfamiliar: bool = False
    input: str | None = None
    explanation: list[Weight] | None = None
    mock: bool = False

    @property
    def label(self) -> str:
        return self.top.label


@dataclass(frozen=True)
class Comparison:
    """The answer of every served version, newest first; `agree`: all put the same label on top."""

    results: list[Prediction]
    agree: bool


@dataclass(frozen=True)
class LoggedCall:
    """One of your calls of this hour; `called_at` is in ISO 8601. `source` is `model` or `correction`."""

    index: int
    id: str
    input: str
    called_at: str
    model_version: str
    result: str
    from_cache: bool
    probability: float | None = None
    source: str = "model"


@dataclass(frozen=True)
class Feedback:
    """A correction as stored; `predicted` is what the call was answered, None where a text was given."""

    input: str
    label: str
    predicted: str | None


@dataclass(frozen=True)
class ServedVersion:
    """`default`: it answers calls without a version. `metrics` are its figures on the test split, `report` its path."""

    model_version: str
    aliases: list[str]
    default: bool
    labels: list[str]
    digest: str | None = None
    variant: str | None = None
    stand_in: str | None = None
    created_at: str | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    report: str | None = None
    source_problem: str | None = None
    mock: bool = False


@dataclass(frozen=True)
class RefusedVersion:
    """A version that should be served and cannot be."""

    model_version: str
    aliases: list[str]
    why: str


@dataclass(frozen=True)
class RoutingState:
    """Percent of the calls that name no version, by alias; `shadow` predicts every call and answers none."""

    shares: dict[str, float]
    shadow: str | None


@dataclass(frozen=True)
class RegistryState:
    """When the registry was last read, and why it cannot be read now; empty when it can."""

    read_at: str | None
    why_stale: str


@dataclass(frozen=True)
class Versions:
    """What is served; `default` is the number of the version that answers calls that name none."""

    default: str | None
    versions: list[ServedVersion]
    refused: list[RefusedVersion]
    routing: RoutingState
    registry: RegistryState | None


def reader(kind: type[Answer]) -> Callable[[Any], Answer]:
    """What makes an answer of JSON. It raises TypeError, KeyError or AttributeError where that is none."""
    hints = get_type_hints(kind)
    parts = {part.name: _reader(hints[part.name]) for part in fields(kind)}  # type: ignore[arg-type]
    return lambda content: kind(**{name: parts[name](value) for name, value in content.items() if name in parts})


def _reader(hint: Any) -> Callable[[Any], Any]:
    """What makes a value of this type of its JSON: dataclasses are read, also in lists; all else is itself already."""
    if NoneType in get_args(hint):
        present = _reader(get_args(hint)[0])
        return lambda value: None if value is None else present(value)
    if get_origin(hint) is list:
        item = _reader(get_args(hint)[0])
        return lambda values: [item(value) for value in values]
    return reader(hint) if isinstance(hint, type) and is_dataclass(hint) else lambda value: value
