"""The rows of the review queue: answered calls that a person is asked about, and what the person said."""

from dataclasses import dataclass
from uuid import UUID

REASONS = RANDOM, THRESHOLD, SHADOW, UNFAMILIAR = ("random", "threshold", "shadow", "unfamiliar")
STATES = WAITING, LABELLED, SKIPPED = ("waiting", "labelled", "skipped")


@dataclass(frozen=True, slots=True)
class Question:
    """An answered call whose right label a person is asked for.

    `id` is the call's, a version 1 UUID. `model_version` is the content key of the version that answered `label` with
    `probability`. `reason` is why a person is asked, one of REASONS. `answer` is the person's label, empty unless
    `state` is LABELLED; `reviewer` and `decided_at` say who decided last and when.
    """

    id: UUID
    caller_id: str
    input: str
    model_version: str
    label: str
    probability: float
    reason: str
    state: str = WAITING
    answer: str = ""
    reviewer: str = ""
    decided_at: UUID | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What a reviewer did with a question: the new state and, where that is LABELLED, the label.

    `caller_id` is the reviewer's name, under which the label is kept as a correction of `input` with its `reason`.
    `decided_at` is a version 1 UUID. `undoes` is the decision whose correction is taken back.
    """

    question_id: UUID
    caller_id: str
    decided_at: UUID
    input: str
    reason: str
    state: str
    label: str = ""
    undoes: UUID | None = None
