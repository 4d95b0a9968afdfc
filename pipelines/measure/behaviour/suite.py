"""The behaviour suite: modern messages, written for it, and ways to change them, which test a model beyond the corpus.

Its capabilities are those of Ribeiro et al. (2020), "Beyond Accuracy", and obfuscation:

| capability | a message passes when |
| --- | --- |
| minimum_functionality | it gets its label |
| invariance | a change that does not matter (a name, a day, digits, case, a typo) leaves its label |
| direction | a prize line raises its probability of spam, and a line of chat does not |
| obfuscation | spam that is caught is still caught once disguised |
"""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.measure.behaviour import disguises

MESSAGES = Path(__file__).with_name("messages.csv")
SPAM, HAM = "spam", "ham"
LANGUAGE = "en"
PRIZE_LINE = " You have WON a £1000 prize! To claim call 09061743386 now"
CHAT_LINE = " ok, I'll call you when I get home, see you later"
SLACK = 0.01  # of probability: a line of chat may leave a certain spam as certain as it was

Predict = Callable[[Sequence[str]], list[dict[str, float]]]

INVARIANCE = (
    disguises.names,
    disguises.days,
    disguises.digits,
    disguises.lower_case,
    disguises.upper_case,
    disguises.typo,
    disguises.blanks,
)
OBFUSCATION = (
    disguises.zero_width,
    disguises.homoglyphs,
    disguises.leetspeak,
    disguises.spaced_out,
    disguises.full_width,
)


@dataclass(frozen=True)
class Message:
    label: str
    topic: str
    text: str


@dataclass(frozen=True)
class Case:
    """One check of one message: `test` is a topic or the name of a change, `spam` the model's probability of spam."""

    capability: str
    test: str
    text: str
    spam: float
    passed: bool


def messages(file: Path = MESSAGES) -> list[Message]:
    with open(file, newline="", encoding="utf-8") as rows:
        return [Message(**row) for row in csv.DictReader(rows)]


def check(predict: Predict, suite: Sequence[Message], threshold: float = 0.5) -> list[Case]:
    """Every case of the suite, by the model behind `predict`, whose labels are `ham` and `spam`.

    `threshold` is the probability from which on it answers `spam`.
    """
    before = _spam(predict, [message.text for message in suite])
    known = list(zip(suite, before, strict=True))
    cases = [Case("minimum_functionality", m.topic, m.text, p, (p >= threshold) == (m.label == SPAM)) for m, p in known]
    for change in INVARIANCE:
        cases += _changed(
            predict, "invariance", change, known, lambda old, new: (old >= threshold) == (new >= threshold)
        )
    ham = [(m, p) for m, p in known if m.label == HAM]
    spam = [(m, p) for m, p in known if m.label == SPAM]
    cases += _changed(predict, "direction", prize_line, ham, lambda old, new: new > old)
    cases += _changed(predict, "direction", chat_line, spam, lambda old, new: new <= old + SLACK)
    caught = [(m, p) for m, p in spam if p >= threshold]
    for change in OBFUSCATION:
        cases += _changed(predict, "obfuscation", change, caught, lambda old, new: new >= threshold)
    return cases


def prize_line(text: str) -> str:
    return text + PRIZE_LINE


def chat_line(text: str) -> str:
    return text + CHAT_LINE


def why_not(labels: Sequence[str], language: str) -> str:
    """Why the suite says nothing about a model with these labels, of a corpus in this language; empty where it does."""
    if set(labels) != {SPAM, HAM}:
        return f"its messages are {HAM} and {SPAM}, and the labels here are {', '.join(labels)}"
    return "" if language == LANGUAGE else f"its messages are in {LANGUAGE}, and the corpus is in {language}"


def measure(predict: Predict, threshold: float) -> list[Case]:
    """The cases of the whole suite."""
    return check(predict, messages(), threshold)


def rates(cases: Sequence[Case]) -> dict[str, float]:
    """The share of each capability's cases that passed."""
    passed: dict[str, list[bool]] = {}
    for case in cases:
        passed.setdefault(case.capability, []).append(case.passed)
    return {capability: sum(values) / len(values) for capability, values in passed.items()}


def by_test(cases: Sequence[Case]) -> dict[str, dict[str, dict[str, int]]]:
    """{capability: {test: {"cases": n, "passed": m}}}."""
    counts: dict[str, dict[str, dict[str, int]]] = {}
    for case in cases:
        count = counts.setdefault(case.capability, {}).setdefault(case.test, {"cases": 0, "passed": 0})
        count["cases"] += 1
        count["passed"] += case.passed
    return counts


def _changed(
    predict: Predict,
    capability: str,
    change: Callable[[str], str],
    known: Sequence[tuple[Message, float]],
    passes: Callable[[float, float], bool],
) -> list[Case]:
    """A case for each message that `change` changes."""
    applied = [(change(m.text), p) for m, p in known if change(m.text) != m.text]
    after = _spam(predict, [text for text, _ in applied])
    return [
        Case(capability, change.__name__, text, new, passes(old, new))
        for (text, old), new in zip(applied, after, strict=True)
    ]


def _spam(predict: Predict, texts: Sequence[str]) -> list[float]:
    return [prediction[SPAM] for prediction in predict(texts)]
