"""The service's calls: what each sends, and how its answer is read."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import httpx

from bentos.client import answers
from bentos.client.errors import UnexpectedAnswer, Unreachable, refusal

Answer = TypeVar("Answer")

MAX_TEXTS = 1_000  # of one call
MAX_LIST_CHARACTERS = 1_000_000  # of all texts of one call


@dataclass(frozen=True)
class Call(Generic[Answer]):
    method: str
    path: str
    body: dict[str, Any] | None
    read: Callable[[Any], Answer]

    def answer(self, outcome: httpx.Response | httpx.RequestError) -> Answer:
        """Raises ClientError."""
        if isinstance(outcome, httpx.RequestError):
            raise Unreachable(f"{self.method} {self.path}: {outcome or type(outcome).__name__}") from outcome
        if not outcome.is_success:
            raise refusal(outcome)
        try:
            return self.read(outcome.json())
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise UnexpectedAnswer(f"{self.method} {self.path}: this is no answer of the service: {error}") from error


def predict(text: str, **options: bool | str | None) -> Call[answers.Prediction]:
    return Call("POST", "/prediction", {"text": text} | _given(options), answers.reader(answers.Prediction))


def predict_list(texts: list[str], **options: bool | str | None) -> Call[list[answers.Prediction]]:
    return Call("POST", "/predictions", {"texts": texts} | _given(options), _many(answers.Prediction))


def compare(text: str, **options: bool) -> Call[answers.Comparison]:
    return Call("POST", "/compare", {"text": text} | _given(options), answers.reader(answers.Comparison))


def versions() -> Call[answers.Versions]:
    return Call("GET", "/versions", None, answers.reader(answers.Versions))


def recent_log() -> Call[list[answers.LoggedCall]]:
    return Call("GET", "/recent_log", None, _many(answers.LoggedCall))


def feedback(label: str, **about: str | None) -> Call[answers.Feedback]:
    return Call("POST", "/feedback", {"label": label} | _given(about), answers.reader(answers.Feedback))


def split(texts: Iterable[str], list_size: int) -> Iterator[list[str]]:
    """The texts in lists of up to `list_size` texts and MAX_LIST_CHARACTERS; a text that is longer is alone."""
    part: list[str] = []
    characters = 0
    for text in texts:
        characters += len(text)
        if part and (len(part) >= list_size or characters > MAX_LIST_CHARACTERS):
            yield part
            part, characters = [], len(text)
        part.append(text)
    if part:
        yield part


def _given(options: dict[str, Any]) -> dict[str, Any]:
    """The options that are not as the service has them by default."""
    return {name: value for name, value in options.items() if value is not None and value is not False}


def _many(kind: type[Answer]) -> Callable[[Any], list[Answer]]:
    read = answers.reader(kind)
    return lambda content: [read(row) for row in content]
