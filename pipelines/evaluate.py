"""Measure an exported variant on the test split, with the artifact that will be served.

    python -m pipelines.evaluate VARIANT PREPARED OUTSIDE ARTIFACT BASELINE CURVES CROSSVAL OUT REPORT

writes a folder OUT and REPORT, a page with all of it (`pipelines.measure.report`).

The metrics, curves and mistakes are of the main corpus's test messages; what is caught and blocked is also told of each
corpus, those outside included.

| file in OUT | what |
| --- | --- |
| metrics.json | the metrics |
| details.json | everything else that was measured (`registry.model.evaluation.EvaluationDetails`) |
| predictions.csv | id, actual, predicted, probabilities and source of every test message: what the gate compares |
| precision_recall.csv, reliability.csv | the curves |
| mistakes.csv | the most confident wrong answers, with their texts and the words that decided |
| behaviour.csv | every case of the behaviour suite (`pipelines.measure.behaviour.suite`) |
| figures/ | the training curves, the confusion matrix and the two curves as images |
"""

import argparse
import json
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import precision_recall_curve

from pipelines import params, stage
from pipelines.data import splits, stand_in
from pipelines.hashing import sha256_of_file
from pipelines.measure import crossval_record, figures, metrics, report, sources
from pipelines.measure.behaviour import suite
from registry.metrics import mcc, reliability
from registry.model.artifact import Artifact, ArtifactError
from registry.model.evaluation import CorpusInfo, EvaluationDetails, SourceFigures
from registry.model.explain import strongest
from registry.model.profile import MEASURED, SCORES, SHARES, TextProfile, bin_of, profile_of


@dataclass(frozen=True)
class Answered:
    """Messages, and what an artifact answers them.

    `probabilities`, float (n, labels); `predicted`, int (n,), the indices of the answered labels.
    """

    messages: splits.Split
    probabilities: np.ndarray
    predicted: np.ndarray

    @classmethod
    def by(cls, artifact: Artifact, messages: splits.Split) -> "Answered":
        probabilities = artifact.probabilities(messages.texts)
        return cls(messages, probabilities, decide(artifact, probabilities))

    def part(self, index: np.ndarray) -> "Answered":
        """Those at these positions, int (m,)."""
        return Answered(self.messages.part(index), self.probabilities[index], self.predicted[index])

    def scores(self, label: str) -> np.ndarray:
        """The probability of this label, float (n,)."""
        return self.probabilities[:, self.messages.labels.index(label)]

    def is_actually(self, label: str) -> np.ndarray:
        """Whether this is the right label, bool (n,)."""
        return self.messages.actual == self.messages.labels.index(label)


def measure(answered: Answered, cases: list[suite.Case], positive: str, bins: int) -> dict[str, float]:
    """The metrics of the main corpus's test split, and of the behaviour suite."""
    actual, labels = answered.messages.actual, answered.messages.labels
    return {
        **metrics.decisions(actual, answered.predicted, labels, positive),
        **metrics.ranking(actual, answered.scores(positive), labels, positive),
        **metrics.calibration(actual, answered.probabilities, labels, positive, bins),
        **{f"behaviour.{capability}": rate for capability, rate in suite.rates(cases).items()},
    }


def gather_details(
    args: argparse.Namespace,
    loaded: params.Params,
    answered: Answered,
    cases: list[suite.Case],
    training: TextProfile,
    measured_sources: dict[str, SourceFigures],
) -> EvaluationDetails:
    """The content of details.json: measured here, or read from what the stages before this one left."""
    positive, settings, variant = loaded.positive, loaded.evaluate, loaded.variants[args.variant]
    test, predicted = answered.messages, answered.predicted
    marks = stand_in.marks_by_corpus(args.prepared)
    why_not = suite.why_not(test.labels, loaded.main.language)
    corpora = [corpus.name for corpus in loaded.with_role("train")]
    parameters = variant.model_dump()
    return EvaluationDetails(
        intervals=metrics.intervals(test.actual, predicted, test.labels, positive, settings.resamples, settings.seed),
        slices=metrics.by_slice(test.texts, test.actual, predicted, test.labels, positive),
        slice_figures=sources.by_slice(test.texts, test.actual, predicted, test.labels.index(positive)),
        behaviour=suite.by_test(cases),
        crossval=crossval_record.figures_of(args.crossval, args.variant, parameters, args.prepared, corpora),
        baseline=json.loads((args.baseline / "metrics.json").read_text()),
        data=json.loads((args.prepared / "report.json").read_text()),
        training=training,
        test={"messages": len(test.texts), "sha256": sha256_of_file(args.prepared / "test.csv")},
        inapplicable={"behaviour": why_not} if why_not else {},
        sources=measured_sources,
        corpora=[describe(corpus, measured_sources, marks) for corpus in loaded.corpora],
    )


def training_profile(
    args: argparse.Namespace, loaded: params.Params, test: pd.DataFrame, scores: np.ndarray, artifact: Artifact
) -> TextProfile:
    """The profile of the training set. `scores`, float (n,), are the probabilities of the label to catch.

    They are of `test`, the table of the test split, whose messages of the same corpora are held out.
    """
    variant = loaded.variants[args.variant]
    train = splits.read(args.prepared, "train", variant.sources)
    profile = profile_of(zip([train.labels[i] for i in train.actual], train.texts, strict=True))
    profile.positive = loaded.positive
    held_out = test["source"].isin(loaded.trained_on(variant)).to_numpy()
    profile.count("score", [bin_of(SCORES, score) for score in scores[held_out]])
    shares = [artifact.unknown_share(text[:MEASURED]) for text in test["text"][held_out]]
    if None not in shares:
        profile.count("unknown", [bin_of(SHARES, share) for share in shares])
    return profile


def measure_sources(
    artifact: Artifact, test: pd.DataFrame, predicted: np.ndarray, outside: Path, positive: str, trained: list[str]
) -> dict[str, SourceFigures]:
    """The figures of every corpus; `predicted` are the indices of the labels that the table of the test split got."""
    labels = np.array(artifact.labels, dtype=object)
    table = splits.read_table(outside, "outside")
    beyond = decide(artifact, artifact.probabilities(table["text"].tolist()))
    own = sources.by_source(test, labels[predicted], positive, trained)
    return own | sources.by_source(table, labels[beyond], positive, [])


def describe(corpus: params.Corpus, measured: dict[str, SourceFigures], marks: dict[str, str]) -> CorpusInfo:
    """Where the corpus is from. `marks` are the sources of stand-ins by the name of the corpus."""
    fields = corpus.model_dump(include={"name", "role", "source", "licence", "years"})
    if corpus.name in marks:
        fields |= {"source": marks[corpus.name], "licence": ""}
    return CorpusInfo(**fields, missing=corpus.name not in measured)


def decide(artifact: Artifact, probabilities: np.ndarray) -> np.ndarray:
    """The answered labels' indices, int (n,), of probabilities, float (n, labels), at the version's operating point."""
    return np.array([artifact.labels.index(artifact.label(row)) for row in probabilities], dtype=int)


def mistakes(artifact: Artifact, answered: Answered, most: int) -> pd.DataFrame:
    """The wrong answers with the highest probability, worst first."""
    test, predicted = answered.messages, answered.predicted
    confidence = answered.probabilities[np.arange(len(predicted)), predicted]
    wrong = np.flatnonzero(predicted != test.actual)
    worst = wrong[np.argsort(-confidence[wrong], kind="stable")][:most]
    return pd.DataFrame(
        {
            "confidence": confidence[worst].round(4),
            "actual": [test.labels[i] for i in test.actual[worst]],
            "predicted": [test.labels[i] for i in predicted[worst]],
            "text": [test.texts[i] for i in worst],
            "because": [strongest(artifact, test.texts[i]) for i in worst],
        }
    )


def write_curves(out: Path, curves: Path, answered: Answered, positive: str, bins: int) -> None:
    """precision_recall.csv, reliability.csv and the figures."""
    is_positive, scores = answered.is_actually(positive), answered.scores(positive)
    precision, recall, _ = precision_recall_curve(is_positive, scores)
    precision_recall = pd.DataFrame({"recall": recall, "precision": precision}).round(6)
    precision_recall.to_csv(out / "precision_recall.csv", index=False)
    parts = reliability(is_positive.astype(float), scores.astype(float), bins)
    by_bin = pd.DataFrame(parts, columns=["probability", "share", "messages"]).round(6)
    by_bin.to_csv(out / "reliability.csv", index=False)
    drawn = (pd.read_csv(curves), precision_recall, by_bin, positive)
    figures.draw(out / "figures", answered.messages, answered.predicted, *drawn)


def main() -> None:
    args, loaded = _arguments(), params.load()
    variant, positive, settings = loaded.variant(args.variant), loaded.positive, loaded.evaluate
    artifact = Artifact.load(args.artifact)
    table = splits.read_table(args.prepared, "test")
    everything = Answered.by(artifact, splits.to_split(table, splits.labels_of(args.prepared)))
    main_corpus = everything.part(np.flatnonzero(table["source"] == loaded.main.name))
    applies = not suite.why_not(artifact.labels, loaded.main.language)
    cases = suite.measure(artifact.predict, artifact.decision.threshold) if applies else []
    trained = loaded.trained_on(variant)
    by_source = measure_sources(artifact, table, everything.predicted, args.outside, positive, trained)
    training = training_profile(args, loaded, table, everything.scores(positive), artifact)
    details = gather_details(args, loaded, main_corpus, cases, training, by_source)
    measured = measure(main_corpus, cases, positive, settings.bins) | sources.flat(by_source)
    measured["mcc_all_corpora"] = mcc(everything.messages.actual, everything.predicted)

    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "metrics.json").write_text(json.dumps(measured, indent=2) + "\n")
    details.write(args.out / "details.json")
    predictions = args.out / "predictions.csv"
    answers = (everything.messages, everything.predicted, everything.probabilities)
    splits.write_predictions(predictions, *answers, table["source"])
    mistakes(artifact, main_corpus, settings.mistakes).to_csv(args.out / "mistakes.csv", index=False)
    columns = [field.name for field in fields(suite.Case)]
    pd.DataFrame(cases, columns=columns).round(6).to_csv(args.out / "behaviour.csv", index=False)
    write_curves(args.out, args.curves, main_corpus, positive, settings.bins)
    page = report.render([report.read(args.variant, args.artifact, args.out, args.curves)], positive)
    args.report.parent.mkdir(parents=True, exist_ok=True)
    args.report.write_text(page, encoding="utf-8")
    print(_summary(args.variant, measured, details, positive, artifact.labels))


def _arguments() -> argparse.Namespace:
    return stage.parse(
        "evaluate",
        __doc__,
        "lstm build/prepared build/outside build/lstm/artifact build/baseline build/lstm/model/curves.csv"
        " pipelines/search/crossval.json build/lstm/evaluation build/reports/lstm.html",
        variant=stage.VARIANT,
        prepared=stage.PREPARED,
        outside="the folder of `prepare` with the messages that are only measured",
        artifact=stage.ARTIFACT,
        baseline="the folder that `baseline` wrote",
        curves="the file curves.csv that `train` wrote",
        crossval="the record of a cross-validation, for the model card",
        out="the folder for the metrics, the figures and the mistakes",
        report="the page with all of it",
    )


def _summary(
    variant: str, measured: dict[str, float], details: EvaluationDetails, positive: str, labels: tuple[str, ...]
) -> str:
    caught, blocked = metrics.names(labels, positive)
    low, high = details.intervals["mcc"]
    return (
        f"{variant}: MCC {measured['mcc']:.4f} [{low:.4f}, {high:.4f}], {caught} {measured[caught]:.1%}, "
        f"{blocked} {measured[blocked]:.2%}, average precision {measured['average_precision']:.4f} "
        f"(linear baseline: MCC {details.baseline['mcc']:.4f}) on {details.test['messages']} messages"
    )


if __name__ == "__main__":
    stage.run(main, ArtifactError)
