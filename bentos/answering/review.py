"""The review queue at work: what to ask a person next, and what the person says.

A label goes the way of a correction, under the reviewer's name and with the reason for asking. What the model answered
is told only after the label: who knows it first tends to agree, and what is estimated would flatter the model.
"""

from collections import Counter, OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain, islice, zip_longest
from uuid import UUID

from bentos.answering.feedback import check_label
from bentos.answering.own_labels import OwnLabels
from bentos.errors import CallError
from bentos.store import Store, StoreError, timeuuid
from bentos.store.questions import LABELLED, RANDOM, REASONS, SKIPPED, WAITING, Decision, Question
from bentos.versions.loaded import ServedVersions

LOOK_BACK = timedelta(days=7)  # older questions are asked no more: today's traffic matters, and a look stays short
SHOWN = 1_000  # questions remembered, to take their labels while the database is away


@dataclass(frozen=True)
class Waiting:
    """What to ask next, and the number of questions since then by state and reason."""

    since: datetime
    questions: list[Question]
    counts: dict[str, Counter[str]]


class ReviewQueue:
    """Belongs to one event loop."""

    def __init__(self, store: Store, own_labels: OwnLabels) -> None:
        self.store = store
        self.own_labels = own_labels
        self._shown: OrderedDict[UUID, Question] = OrderedDict()

    async def waiting(self, limit: int, reason: str | None = None) -> Waiting:
        """Up to `limit` questions, newest first of each reason in turn, or of one reason alone. Raises StoreError."""
        since = _look_back()
        counts: dict[str, Counter[str]] = {}
        found: dict[str, list[Question]] = {name: [] for name in REASONS if reason in (None, name)}
        async for question in self.store.questions(since):
            counts.setdefault(question.state, Counter())[question.reason] += 1
            some = found.get(question.reason)
            if question.state == WAITING and some is not None and len(some) < limit:
                some.append(question)
        questions = list(islice(_in_turn(found.values()), limit))
        for question in questions:
            self._remember(question)
        return Waiting(since, questions, counts)

    async def label(self, served: ServedVersions, reviewer: str, question_id: UUID, label: str) -> Question:
        """Keep the reviewer's label. Raises CallError: unknown_label, and what `_answerable` raises; StoreError."""
        question = await self._answerable(reviewer, question_id)
        check_label(label, served, question.model_version)
        labelled = await self._decide(question, reviewer, LABELLED, label)
        self.own_labels.added(reviewer)
        return labelled

    async def skip(self, reviewer: str, question_id: UUID) -> Question:
        """Nobody is asked any more. Raises CallError and StoreError."""
        question = await self._answerable(reviewer, question_id, remembered=False)
        return await self._decide(question, reviewer, SKIPPED)

    async def undo(self, reviewer: str, question_id: UUID) -> Question:
        """Take the reviewer's own decision back, and its correction with it. Raises CallError and StoreError."""
        question = await self._answerable(reviewer, question_id, remembered=False)
        return question if question.state == WAITING else await self._decide(question, reviewer, WAITING)

    async def labelled(self, question_id: UUID) -> Question:
        """The question, once it has a label. Raises CallError: unknown_id, not_labelled."""
        question = await self._question(question_id)
        if question.state != LABELLED:
            raise CallError("not_labelled", "what the model says would sway you: it is told after the label")
        return question

    async def _answerable(self, reviewer: str, question_id: UUID, remembered: bool = True) -> Question:
        """A question that waits, or that the reviewer has decided on. Raises CallError: unknown_id, already_decided.

        `remembered`: where the store cannot say, what this worker remembers will do, also that the question waits.
        Two reviewers in the same few milliseconds may both find it waiting: then both labels are kept.
        """
        question = await self._question(question_id, remembered)
        if question.state != WAITING and question.reviewer != reviewer:
            raise CallError("already_decided", f"another reviewer has {question.state} it meanwhile")
        return question

    async def _question(self, question_id: UUID, remembered: bool = True) -> Question:
        """Another worker may have labelled what this one remembers as waiting, and its label wait in the spool."""
        try:
            question = await self.store.question(question_id)
        except StoreError as error:
            question = self._shown.get(question_id)
            if question and (remembered or question.state != WAITING):
                return question
            detail = "the database, which knows the question, cannot be read now: retry"
            raise CallError("store_unavailable", detail) from error
        if question is None:
            raise CallError("unknown_id", "there is no question of this id: it may have expired")
        return question

    async def _decide(self, question: Question, reviewer: str, state: str, label: str = "") -> Question:
        decided = await decide(self.store, question, reviewer, state, label)
        self._remember(decided)
        return decided

    def _remember(self, question: Question) -> None:
        self._shown[question.id] = question
        self._shown.move_to_end(question.id)
        if len(self._shown) > SHOWN:
            self._shown.popitem(last=False)


async def decide(store: Store, question: Question, reviewer: str, state: str, label: str = "") -> Question:
    """Store what the reviewer decided; returns the question as it is then. Raises StoreError."""
    now = timeuuid.now()
    mine = question.state == LABELLED and question.reviewer == reviewer
    undoes = question.decided_at if mine and state != LABELLED else None
    reason = await _reason(store, question, reviewer) if state == LABELLED else question.reason
    earlier = await _earlier(store, question) if undoes else []
    decided = Decision(question.id, reviewer, now, question.input, reason, state, label, undoes)
    await store.decide([*earlier, decided])
    return replace(question, state=state, answer=label, reviewer=reviewer, decided_at=now)


async def _earlier(store: Store, question: Question) -> list[Decision]:
    """The reviewer's label of another question with this text, to be stored again: the label undone took its place.

    None where the reviewer has labelled the text again since: that stays. Raises StoreError.
    """
    kept = await store.correction(question.reviewer, question.input)
    if kept and question.decided_at and kept.corrected_at.time > question.decided_at.time:
        return []
    others = [other async for other in store.questions(_look_back()) if _is_of_the_same(other, question)]
    if not others:
        return []
    last = max(others, key=lambda other: other.decided_at.time)
    reason = RANDOM if any(other.reason == RANDOM for other in others) else last.reason
    return [Decision(last.id, last.reviewer, timeuuid.now(), last.input, reason, LABELLED, last.answer)]


def _is_of_the_same(other: Question, question: Question) -> bool:
    """Whether the same reviewer has labelled the same text there, too."""
    same = (other.state, other.reviewer, other.input) == (LABELLED, question.reviewer, question.input)
    return same and other.id != question.id and other.decided_at is not None


def _look_back() -> datetime:
    return timeuuid.hour(timeuuid.now()) - LOOK_BACK


async def _reason(store: Store, question: Question, reviewer: str) -> str:
    """The question's own, or `random` where the reviewer has labelled the same text for the random share.

    The later label takes the earlier one's place, and the share would lose it.
    """
    try:
        earlier = await store.correction(reviewer, question.input)
    except StoreError:
        return question.reason
    return RANDOM if earlier and earlier.reason == RANDOM else question.reason


def _in_turn(groups: Iterable[list[Question]]) -> Iterable[Question]:
    """One of each group, then the next of each, as long as there are any."""
    return filter(None, chain.from_iterable(zip_longest(*groups)))
