"""Joins the calls with the labels by the text, and judges every version.

Every figure from labels counts distinct texts, not calls: a text that is asked a thousand times has one label and one
answer, and a thousand of them are no evidence of their own. The estimate without labels counts calls. What the samples
of labels are, and which is biased: `registry.quality.labels`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from registry.call_log import LoggedCall, read_calls
from registry.quality.calibration import Calibration, Estimate, calibration, estimate
from registry.quality.judgements import Judgement, Judgements, VersionCalls
from registry.quality.labels import RANDOM, Sample, read_corrections, samples_of
from registry.quality.proportions import LabelsNeeded, Paired, Proportion, labels_needed, paired, proportion
from registry.quality.published import TAG, Bound, LiveQuality, Measure
from registry.versions import CHAMPION, Registry, Version

SPAM, REST = "spam", "rest"  # the labels of a registry whose versions do not say theirs
DECIMALS = 6  # of a published figure


@dataclass(frozen=True)
class Figures:
    """A version on the labelled texts of one sample that it answered.

    `caught` are the positive texts (spam) that it caught, `blocked` the other texts that it took for positive.
    `confusion` counts texts by right label and answered label. `calibration` is None where no probability is known.
    """

    texts: int
    caught: Proportion
    blocked: Proportion
    confusion: dict[str, dict[str, int]]
    calibration: Calibration | None


@dataclass(frozen=True)
class VersionQuality:
    """A version's calls, those that it predicted as the shadow, its estimate without labels, and figures by sample.

    `version` is its number, or its key where the registry has it no longer.
    """

    version: str
    key: str
    aliases: tuple[str, ...]
    answered: int
    shadowed: int
    estimate: Estimate | None
    samples: dict[str, Figures]


@dataclass(frozen=True)
class Pair:
    """The champion, first, and another version on the texts that both answered, in a call or as the shadow.

    `differing` of `compared` texts, a random sample of them, they answer differently. `samples` are by sample of
    labels; `needed` is how many labels it takes to tell the two apart.
    """

    champion: str
    other: str
    differing: int
    compared: int
    samples: dict[str, Paired]
    needed: LabelsNeeded | None


@dataclass(frozen=True)
class Quality:
    """The live quality of every version of the registry, newest first, and of those that it has no longer."""

    since: datetime
    until: datetime
    positive: str
    rest: str  # the other label; "rest" where there are several
    samples: dict[str, Sample]
    versions: tuple[VersionQuality, ...]
    pairs: tuple[Pair, ...]

    @property
    def calls(self) -> int:
        return sum(version.answered + version.shadowed for version in self.versions)


Reading = Callable[[Iterable[LoggedCall]], Iterable[LoggedCall]]


def live(registry: Registry, since: datetime) -> dict[str, dict[str, Figures]]:
    """The figures of each version on the texts called since then: {version number: {sample: Figures}}.

    Every version of the registry and every sample is there, if only with counts of 0. So
    `live(registry, since)["3"]["random"].caught` has `count` of `of` spam texts caught, and `low` and `high` of the
    95 % interval (0 and 1 where `of` is 0); `.blocked` the same of ham texts blocked. "random" is the sample to decide
    by: it alone is unbiased. Reads the call log and the corrections; raises RegistryError when they cannot be read.
    """
    judged = measure(registry, since, since)
    return {version.version: version.samples for version in judged.versions}


def measure(registry: Registry, since: datetime, until: datetime, reading: Reading = iter) -> Quality:
    """Read the store and judge every version; `reading` passes the calls on, to show how far it is.

    Raises RegistryError when the store or the registry cannot be read.
    """
    versions = registry.versions()
    samples = samples_of(read_corrections(), since)
    labelled = {digest for sample in samples.values() for digest in sample.labels}
    judgements = Judgements(labelled)
    judgements.read(reading(read_calls(since)))
    return judge(versions, samples, judgements, since, until)


def judge(
    versions: Sequence[Version], samples: Mapping[str, Sample], judgements: Judgements, since: datetime, until: datetime
) -> Quality:
    """The quality from what was read. A pure function."""
    positive = positive_label(versions)
    labels = {label for calls in judgements.calls.values() for label in calls.labels} - {positive}
    known = {version.key: version for version in versions}
    keys = [*known, *sorted(judgements.calls.keys() - known.keys())]
    rows = tuple(_version(key, known.get(key), judgements, samples, positive) for key in keys)
    champion = next((row for row in rows if CHAMPION in row.aliases), None)
    pairs = (_pair(champion, row, judgements, samples) for row in rows if champion and row is not champion)
    rest = labels.pop() if len(labels) == 1 else REST
    return Quality(since, until, positive, rest, dict(samples), rows, tuple(pair for pair in pairs if pair))


def positive_label(versions: Iterable[Version]) -> str:
    """The label to catch, by the metrics of the newest version that has one named `<label>_caught`; else SPAM."""
    names = (name for version in versions for name in version.metrics if name.endswith("_caught"))
    return next(names, SPAM).removesuffix("_caught")


def figures(rows: Sequence[tuple[Judgement, str]], positive: str) -> Figures:
    """The figures of (what a version answered, the right label) of each text."""
    confusion: dict[str, Counter[str]] = {}
    for judgement, right in rows:
        confusion.setdefault(right, Counter())[judgement.label] += 1
    rest = [answered for right, answered in confusion.items() if right != positive]
    spam = confusion.get(positive, Counter())
    return Figures(
        texts=len(rows),
        caught=proportion(spam[positive], spam.total()),
        blocked=proportion(sum(row[positive] for row in rest), sum(row.total() for row in rest)),
        confusion={right: dict(answered) for right, answered in sorted(confusion.items())},
        calibration=_calibration(rows, positive),
    )


def _calibration(rows: Iterable[tuple[Judgement, str]], positive: str) -> Calibration | None:
    """None where there are more than two labels: the answered label's probability does not tell the positive one's."""
    known = [(judgement, right) for judgement, right in rows if judgement.probability is not None]
    if len({positive, *(label for judgement, right in known for label in (judgement.label, right))}) > 2:
        return None
    return calibration((_positive_probability(judgement, positive), right == positive) for judgement, right in known)


def _positive_probability(judgement: Judgement, positive: str) -> float:
    return judgement.probability if judgement.label == positive else 1 - judgement.probability


def _version(
    key: str, version: Version | None, judgements: Judgements, samples: Mapping[str, Sample], positive: str
) -> VersionQuality:
    calls = judgements.calls.get(key, VersionCalls())
    judged = [(digest, answers[key]) for digest, answers in judgements.of_labelled.items() if key in answers]
    by_sample = {
        name: [(answer, sample.labels[digest]) for digest, answer in judged if digest in sample.labels]
        for name, sample in samples.items()
    }
    return VersionQuality(
        version=version.number if version else key,
        key=key,
        aliases=version.aliases if version else (),
        answered=calls.answered,
        shadowed=calls.shadowed,
        estimate=estimate(calls.labels, positive),
        samples={name: figures(rows, positive) for name, rows in by_sample.items()},
    )


def _pair(
    champion: VersionQuality, other: VersionQuality, judgements: Judgements, samples: Mapping[str, Sample]
) -> Pair | None:
    """None where the two answered no text in common."""
    differing, compared = judgements.sample.differing(champion.key, other.key)
    by_sample = {name: _paired(champion.key, other.key, judgements, sample.labels) for name, sample in samples.items()}
    if not (compared or any(pair.texts for pair in by_sample.values())):
        return None
    needed = labels_needed(differing / compared) if compared else None
    return Pair(champion.version, other.version, differing, compared, by_sample, needed)


def _paired(first: str, second: str, judgements: Judgements, labels: Mapping[str, str]) -> Paired:
    """The comparison of two versions, by their keys, on the labelled texts that both answered."""
    both = (
        (answers[first].label == labels[digest], answers[second].label == labels[digest])
        for digest, answers in judgements.of_labelled.items()
        if digest in labels and first in answers and second in answers
    )
    counts = Counter(both)
    return paired(counts[True, True], counts[True, False], counts[False, True], counts[False, False])


def publish(registry: Registry, quality: Quality) -> None:
    """Make the quality the registered model's tag, from which services show it. Raises RegistryError."""
    registry.tag_model(TAG, published(quality).to_tag())


def published(quality: Quality) -> LiveQuality:
    """What is shown of each version, those with an alias first: where there is no room for all, the last are cut."""
    rows = sorted(quality.versions, key=lambda version: not version.aliases)
    hours = (quality.until - quality.since).total_seconds() / 3600
    versions = {row.key: measures for row in rows if (measures := _measures(row))}
    return LiveQuality(measured_at=quality.until, hours=round(hours, 3), versions=versions)


def _measures(version: VersionQuality) -> dict[Measure, dict[Bound, float]]:
    random, expected = version.samples[RANDOM], version.estimate
    measures: dict[Measure, dict[Bound, float | None]] = {
        "caught": _bounds(random.caught),
        "blocked": _bounds(random.blocked),
        "calibration_error": {"value": random.calibration.error if random.calibration else None},
        "estimated_caught": {"value": expected.caught_share if expected else None},
        "estimated_blocked": {"value": expected.blocked_share if expected else None},
    }
    return {
        name: {bound: round(value, DECIMALS) for bound, value in bounds.items()}
        for name, bounds in measures.items()
        if bounds["value"] is not None
    }


def _bounds(measured: Proportion) -> dict[Bound, float | None]:
    return {"low": measured.low, "value": measured.share, "high": measured.high}
