"""Measure an exported variant on the test split, with the artifact that will be served.

    python -m pipelines.evaluate VARIANT PREPARED ARTIFACT BASELINE CURVES CROSSVAL OUT

| file in OUT | what |
| --- | --- |
| metrics.json | the metrics |
| details.json | everything else that was measured (`registry.model.evaluation.EvaluationDetails`) |
| predictions.csv | id, actual, predicted and the probabilities, a row a message: what the gate compares |
| precision_recall.csv, reliability.csv | the curves |
| mistakes.csv | the most confident wrong answers, with their texts and the words that decided |
| behaviour.csv | every case of the behaviour suite (`pipelines.measure.behaviour.suite`) |
| figures/ | the training curves, the confusion matrix and the two curves as images |
"""

import argparse
import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import precision_recall_curve

from pipelines import params, stage
from pipelines.data import splits
from pipelines.hashing import sha256_of_files
from pipelines.measure import crossval_record, figures, metrics
from pipelines.measure.behaviour import suite
from registry.model.artifact import Artifact, ArtifactError
from registry.model.evaluation import EvaluationDetails
from registry.model.explain import strongest
from registry.model.profile import profile_of


def measure(
    test: splits.Split, probabilities: np.ndarray, cases: list[suite.Case], positive: str, bins: int
) -> dict[str, float]:
    """The content of metrics.json."""
    number = test.labels.index(positive)
    return {
        **metrics.decisions(test.actual, probabilities.argmax(axis=1), test.labels, positive),
        **metrics.ranking(test.actual, probabilities[:, number], test.labels, positive),
        **metrics.calibration(test.actual, probabilities, test.labels, positive, bins),
        **{f"behaviour.{capability}": rate for capability, rate in suite.rates(cases).items()},
    }


def gather_details(
    args: argparse.Namespace, loaded: params.Params, test: splits.Split, predicted: np.ndarray, cases: list[suite.Case]
) -> EvaluationDetails:
    """The content of details.json: measured here, or read from what the stages before this one left."""
    positive, settings = loaded.corpus.positive, loaded.evaluate
    train = splits.read(args.prepared, "train")
    labels = [train.labels[i] for i in train.actual]
    parameters = params.variant(args.variant).model_dump()
    return EvaluationDetails(
        intervals=metrics.intervals(test.actual, predicted, test.labels, positive, settings.resamples, settings.seed),
        slices=metrics.by_slice(test.texts, test.actual, predicted, test.labels, positive),
        behaviour=suite.by_test(cases),
        crossval=crossval_record.figures_of(args.crossval, args.variant, parameters, args.prepared),
        baseline=json.loads((args.baseline / "metrics.json").read_text()),
        data=json.loads((args.prepared / "report.json").read_text()) | {"source": loaded.corpus.source},
        training=profile_of(zip(labels, train.texts, strict=True)),
        test={"messages": len(test.texts), "sha256": sha256_of_files([args.prepared / "test.csv"])},
    )


def mistakes(artifact: Artifact, test: splits.Split, probabilities: np.ndarray, most: int) -> pd.DataFrame:
    """The wrong answers with the highest probability, worst first."""
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
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


def write_curves(
    out: Path, curves: Path, test: splits.Split, probabilities: np.ndarray, positive: str, bins: int
) -> None:
    """precision_recall.csv, reliability.csv and the figures."""
    is_positive = test.actual == test.labels.index(positive)
    scores = probabilities[:, test.labels.index(positive)]
    precision, recall, _ = precision_recall_curve(is_positive, scores)
    precision_recall = pd.DataFrame({"recall": recall, "precision": precision}).round(6)
    precision_recall.to_csv(out / "precision_recall.csv", index=False)
    parts = metrics.reliability(is_positive.astype(float), scores.astype(float), bins)
    reliability = pd.DataFrame(parts, columns=["probability", "share", "messages"]).round(6)
    reliability.to_csv(out / "reliability.csv", index=False)
    predicted, training = probabilities.argmax(axis=1), pd.read_csv(curves)
    figures.draw(out / "figures", test, predicted, training, precision_recall, reliability, positive)


def main() -> None:
    args = _arguments()
    loaded = params.load()
    positive, settings = loaded.corpus.positive, loaded.evaluate
    test = splits.read(args.prepared, "test")
    artifact = Artifact.load(args.artifact)
    probabilities = artifact.probabilities(test.texts)
    predicted = probabilities.argmax(axis=1)
    cases = suite.measure(artifact.predict, artifact.labels)
    measured = measure(test, probabilities, cases, positive, settings.bins)
    details = gather_details(args, loaded, test, predicted, cases)

    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "metrics.json").write_text(json.dumps(measured, indent=2) + "\n")
    details.write(args.out / "details.json")
    splits.write_predictions(args.out / "predictions.csv", test, predicted, probabilities)
    mistakes(artifact, test, probabilities, settings.mistakes).to_csv(args.out / "mistakes.csv", index=False)
    columns = [field.name for field in fields(suite.Case)]
    pd.DataFrame(cases, columns=columns).round(6).to_csv(args.out / "behaviour.csv", index=False)
    write_curves(args.out, args.curves, test, probabilities, positive, settings.bins)
    print(_summary(args.variant, measured, details, positive, test.labels))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        epilog="example: python -m pipelines.evaluate lstm build/prepared build/lstm/artifact build/baseline"
        " build/lstm/model/curves.csv pipelines/search/crossval.json build/lstm/evaluation",
    )
    parser.add_argument("variant")
    for name in ("prepared", "artifact", "baseline", "curves", "crossval", "out"):
        parser.add_argument(name, type=Path)
    return parser.parse_args()


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
