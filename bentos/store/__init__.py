"""What the service keeps: predictions already made, the calls it answered, the corrections that callers sent, and the
questions on calls that people are asked.

The first two are the workshop's tables. Everything is awaited on the service's event loop and takes lists, so that a
database can answer a whole request in one round trip's time.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Protocol
from uuid import UUID

from bentos.store.questions import Decision, Question
from registry.model.normalise import normalise

Probabilities = dict[str, float]  # label -> probability

MODEL, CORRECTION, SHADOW = "model", "correction", "shadow"  # the sources of a logged call


@dataclass(frozen=True, slots=True)
class Call:
    """One answered text. `called_at` is a version 1 UUID that the service makes: the moment, and the row's identity.

    `probability` is that of the answered label; None in a row of an older release, and where no model answered.
    `alias` is the one that the routing chose; empty where the call named a version. `source` says who answered: MODEL;
    CORRECTION, the caller's own earlier correction; or SHADOW, a version that predicted the call and answered nobody.
    """

    caller_id: str
    called_at: UUID
    input: str
    model_version: str
    result: str
    from_cache: bool
    probability: float | None = None
    alias: str = ""
    source: str = MODEL


@dataclass(frozen=True, slots=True)
class Correction:
    """What a caller says is the right label of a text. `corrected_at` is a version 1 UUID, as a call's.

    `reason` is why a person was asked for the label; empty where the caller sent it unasked.
    """

    caller_id: str
    corrected_at: UUID
    input: str
    label: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose data is erased: a caller's, or a text's, as it was sent. The other one is None."""

    caller_id: str | None = None
    text: str | None = None


def digest(text: str) -> bytes:
    """SHA-256 of the normalised text: one message has one digest, however it is spaced or disguised."""
    return sha256(normalise(text).encode(errors="surrogatepass")).digest()


class StoreError(Exception):
    """The store could not do it now. The message is for the log: it holds no secret."""


class MisconfiguredError(StoreError):
    """The store refuses, and waiting will not change that: a setting, a file or the tables must."""


class Store(Protocol):
    """A cache keyed by (model_version, input), a log partitioned by (caller_id, hour), feedback keyed by
    (input, caller_id), and questions partitioned by hour.

    `model_version` is the content key of a version, `<number>-<first 8 of its digest>`: a registry that is numbered
    anew never meets another version's rows. Every method raises StoreError when the store cannot answer.
    """

    name: str  # "sqlite", "cassandra" or "astra"

    def state(self) -> dict[str, Any]:
        """What `/` and `/metrics` say of the store: `up` (bool), and whatever else an operator should know."""

    async def get(self, model_version: str, inputs: Sequence[str]) -> dict[str, Probabilities]:
        """The stored predictions among `inputs`; what is not stored is absent."""

    async def put(self, model_version: str, predictions: Mapping[str, Probabilities]) -> None:
        """Store predictions by input; an older one of the same key is overwritten."""

    async def log(self, calls: Sequence[Call]) -> None:
        """Append calls; on return they are durable. A call logged twice is stored once."""

    def calls(self, caller_id: str, hour: datetime) -> AsyncIterator[Call]:
        """A caller's calls in the hour that starts at `hour` (UTC), oldest first, a page in memory at a time."""

    async def call(self, caller_id: str, called_at: UUID) -> Call | None:
        """The caller's call of this identity, if it is in the log."""

    async def correct(self, corrections: Sequence[Correction]) -> None:
        """Keep corrections; on return they are durable. Of a caller's, of one text, the latest stays.

        They stay for as long as FEEDBACK_TTL says.
        """

    async def corrects(self, caller_id: str) -> bool:
        """Whether the caller has sent corrections."""

    async def corrected(self, caller_id: str, texts: Sequence[str]) -> dict[str, str]:
        """The caller's own labels for those of `texts` that they corrected, in whatever way the text is disguised."""

    def corrections(self) -> AsyncIterator[Correction]:
        """All that is kept, of all callers; those of one text follow one another. A page in memory at a time."""

    async def correction(self, caller_id: str, text: str) -> Correction | None:
        """The caller's correction of exactly this text, if there is one."""

    async def ask(self, questions: Sequence[Question]) -> None:
        """Put questions into the review queue, where they stay as long as a call in the log.

        They are no acknowledged data: nothing keeps them while a database is away. One asked twice is stored once.
        """

    def questions(self, since: datetime) -> AsyncIterator[Question]:
        """The questions on calls of the hour of `since` (UTC) and later, newest first. A page in memory at a time."""

    async def question(self, question_id: UUID) -> Question | None:
        """The question on this call, if there is one."""

    async def decide(self, decisions: Sequence[Decision]) -> None:
        """Keep what reviewers decided; on return it is durable.

        A label is kept as a correction, too; a decision that undoes another takes that one's correction back. Of a
        question, the latest decision stays.
        """

    async def close(self) -> None:
        """Finish what is under way and let go of files and connections."""
