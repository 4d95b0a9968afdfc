"""Measure an exported variant on the test split, with the artifact that will be served.

    python -m pipelines.evaluate VARIANT PREPARED ARTIFACT BASELINE CURVES CROSSVAL OUT

| file in OUT | what |
| --- | --- |
| metrics.json | the metrics |
| details.json | intervals, slices, what the baseline and the cross-validation have, the test split and train's shape |
| predictions.csv | id, actual, predicted and the probabilities, a row a message: what the gate compares |
| precision_recall.csv, reliability.csv | the curves |
| mistakes.csv | the most confident wrong answers, with their texts and the words that decided |
| behaviour.csv | every case of the behaviour suite (`pipelines.measure.behaviour.suite`) |
| figures/ | all this as images |
"""

import argparse
import json
import re
from dataclasses import asdict, fields
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import precision_recall_curve

from pipelines import params
from pipelines.data import splits
from pipelines.hashing import sha256_of_files
from pipelines.measure import crossval_record, figures, metrics
from pipelines.measure.behaviour import suite
from registry.model import profile
from registry.model.artifact import Artifact
from registry.model.explain import strongest

_LINK = re.compile(r"https?://|www\.", re.IGNORECASE)
SLICES = {
    "short": lambda text: len(text) <= 40,
    "long": lambda text: len(text) > 140,
    "digits": lambda text: any(c.isdigit() for c in text),
    "no_digits": lambda text: not any(c.isdigit() for c in text),
    "links": lambda text: bool(_LINK.search(text)),
    "non_ascii": lambda text: not text.isascii(),
}


def by_slice(test: splits.Split, predicted: np.ndarray, positive: str) -> dict[str, dict[str, float]]:
    """The count of messages on each slice of the test split that holds any, and those `decisions` that are defined."""
    found = {}
    for name, belongs in SLICES.items():
        inside = np.array([belongs(text) for text in test.texts])
        if inside.any():
            measured = metrics.decisions(test.actual[inside], predicted[inside], test.labels, positive)
            defined = {metric: value for metric, value in measured.items() if not np.isnan(value)}
            found[name] = {"messages": int(inside.sum()), **defined}
    return found


def measure(
    test: splits.Split, probabilities: np.ndarray, positive: str, settings: params.Evaluate
) -> tuple[np.ndarray, dict[str, float], dict[str, dict]]:
    """The predicted label indices, int (n,); the metrics; their intervals and slices."""
    predicted = probabilities.argmax(axis=1)
    scores = probabilities[:, test.labels.index(positive)]
    found = metrics.decisions(test.actual, predicted, test.labels, positive)
    found |= metrics.ranking(test.actual, scores, test.labels, positive)
    found |= metrics.calibration(test.actual, probabilities, test.labels, positive, settings.bins)
    intervals = metrics.intervals(test.actual, predicted, test.labels, positive, settings.resamples, settings.seed)
    return predicted, found, {"intervals": intervals, "slices": by_slice(test, predicted, positive)}


def mistakes(
    artifact: Artifact, test: splits.Split, probabilities: np.ndarray, predicted: np.ndarray, most: int
) -> pd.DataFrame:
    """The wrong answers that were given with most confidence, worst first."""
    confidence = probabilities.max(axis=1)
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("variant")
    for name in ("prepared", "artifact", "baseline", "curves", "crossval", "out"):
        parser.add_argument(name, type=Path)
    args = parser.parse_args()
    loaded = params.load()
    positive, settings = loaded.corpus.positive, loaded.evaluate
    test = splits.read(args.prepared, "test")
    artifact = Artifact.load(args.artifact)
    probabilities = artifact.probabilities(test.texts)
    predicted, found, details = measure(test, probabilities, positive, settings)
    cases = suite.measure(artifact.predict, artifact.labels)
    found |= {f"behaviour.{capability}": rate for capability, rate in suite.rates(cases).items()}
    details["behaviour"] = suite.by_test(cases)
    parameters = params.variant(args.variant).model_dump()
    details["crossval"] = crossval_record.find(args.crossval, args.variant, parameters, args.prepared)
    details["baseline"] = json.loads((args.baseline / "metrics.json").read_text())
    details["data"] = json.loads((args.prepared / "report.json").read_text()) | {"source": loaded.corpus.source}
    train = splits.read(args.prepared, "train")
    labels = [train.labels[i] for i in train.actual]
    details["training"] = asdict(profile.profile_of(zip(labels, train.texts, strict=True)))
    details["test"] = {"messages": len(test.texts), "sha256": sha256_of_files([args.prepared / "test.csv"])}

    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "metrics.json").write_text(json.dumps(found, indent=2) + "\n")
    (args.out / "details.json").write_text(json.dumps(details, indent=2) + "\n")
    splits.write_predictions(args.out / "predictions.csv", test, predicted, probabilities)
    worst = mistakes(artifact, test, probabilities, predicted, settings.mistakes)
    worst.to_csv(args.out / "mistakes.csv", index=False)
    columns = [field.name for field in fields(suite.Case)]
    pd.DataFrame(cases, columns=columns).round(6).to_csv(args.out / "behaviour.csv", index=False)
    truth, scores = test.actual == test.labels.index(positive), probabilities[:, test.labels.index(positive)]
    precision, recall, _ = precision_recall_curve(truth, scores)
    curve = pd.DataFrame({"recall": recall, "precision": precision}).round(6)
    curve.to_csv(args.out / "precision_recall.csv", index=False)
    parts = metrics.reliability(truth.astype(float), scores.astype(float), settings.bins)
    bins = pd.DataFrame(parts, columns=["probability", "share", "messages"]).round(6)
    bins.to_csv(args.out / "reliability.csv", index=False)
    figures.draw(args.out / "figures", test, predicted, pd.read_csv(args.curves), curve, bins, positive)
    print(_line(args.variant, found, details, positive, test.labels))


def _line(variant: str, found: dict, details: dict, positive: str, labels: tuple[str, ...]) -> str:
    caught, blocked = metrics.names(labels, positive)
    low, high = details["intervals"]["mcc"]
    return (
        f"{variant}: MCC {found['mcc']:.4f} [{low:.4f}, {high:.4f}], {caught} {found[caught]:.1%}, "
        f"{blocked} {found[blocked]:.2%}, average precision {found['average_precision']:.4f} "
        f"(linear baseline: MCC {details['baseline']['mcc']:.4f}) on {details['test']['messages']} messages"
    )


if __name__ == "__main__":
    main()
