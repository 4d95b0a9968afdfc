"""Compare candidates on the workshop's own mix of text messages and YouTube comments, cut as it cuts it.

    python -m pipelines.mix spam-dataset.csv [CANDIDATE...]

The rows stay as they are, a third of them drawn for test at random. Many of these have a twin among those trained on,
which flatters every model: the figures are printed for all test rows, and for those without a near-twin. The workshop
reports MCC .888 on all, for its LSTM.
"""

import argparse
from pathlib import Path

import numpy as np
from sklearn.model_selection import train_test_split

from pipelines import params
from pipelines.crossval import BASELINE, answers, choose
from pipelines.data import corpus, splits
from pipelines.data.messages import cleaned, twins
from pipelines.measure import metrics

TEST, SEED = 0.33, 42  # the workshop's


def mixed(path: Path, settings: params.Corpus, similarity: float) -> splits.Split:
    """Every row of the corpus, near-twins in one group, whatever their labels."""
    rows = cleaned(corpus.read(path, settings.label, settings.text).rows)
    labels = tuple(sorted(rows["label"].unique()))
    actual = np.array([labels.index(label) for label in rows["label"]], dtype=np.int32)
    texts = rows["text"].tolist()
    return splits.Split(rows["id"].tolist(), texts, actual, twins(texts, similarity), labels)


def cut(split: splits.Split) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions to train on, those to test on, and which of the latter have no near-twin among the former."""
    rest, test = train_test_split(np.arange(len(split.ids)), test_size=TEST, random_state=SEED)
    return rest, test, ~np.isin(split.groups[test], split.groups[rest])


def figures(found: dict, actual: np.ndarray, kept: np.ndarray, labels: tuple[str, ...], positive: str) -> str:
    """The metrics of those answers that are `kept`, bool (n,), in a line."""
    actual, predicted, scores = (np.array(values)[kept] for values in (actual, found["predicted"], found["scores"]))
    measured = metrics.decisions(actual, predicted, labels, positive)
    measured |= metrics.ranking(actual, scores, labels, positive)
    return ", ".join(f"{name} {value:.4f}" for name, value in measured.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("candidates", nargs="*", metavar="CANDIDATE", default=[BASELINE, "linear", "lstm"])
    args = parser.parse_args()
    loaded = params.load()
    positive = loaded.corpus.positive
    chosen = choose(args.candidates, loaded)
    try:
        split = mixed(args.corpus, loaded.corpus, loaded.prepare.twin_similarity)
    except corpus.CorpusError as error:
        raise SystemExit(f"mix: {error}") from error
    if positive not in split.labels:
        raise SystemExit(f"mix: {args.corpus}: no row has the label {positive!r}")
    rest, test, alone = cut(split)
    print(f"mix: {len(rest)} rows to train on, {len(test)} to test on, {alone.sum()} of them without a near-twin")
    for name, candidate in chosen.items():
        found = answers(candidate, split.part(rest), split.part(test), split.labels.index(positive))
        for what, kept in {"all": alone | True, "without a near-twin": alone}.items():
            print(f"{name}, {what}: {figures(found, split.actual[test], kept, split.labels, positive)}", flush=True)


if __name__ == "__main__":
    main()
