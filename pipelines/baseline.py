"""The baseline of every variant: TF-IDF on word and character n-grams with a linear SVM, on the main corpus's splits.

    python -m pipelines.baseline PREPARED OUT

writes OUT/metrics.json and OUT/predictions.csv.
"""

import json

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline, make_union
from sklearn.svm import LinearSVC

from pipelines import params, stage
from pipelines.data import splits
from pipelines.measure import metrics
from registry.model.normalise import normalise
from registry.model.shapes import shapes

SEED = 42


def linear():
    """A LinearSVC on runs of 1 to 3 shape tokens and runs of 2 to 5 characters within words."""
    words = TfidfVectorizer(
        preprocessor=normalise, tokenizer=shapes, token_pattern=None, ngram_range=(1, 3), sublinear_tf=True
    )
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)
    return make_pipeline(make_union(words, characters), LinearSVC(random_state=SEED))


def scores(model, texts: list[str], positive: int) -> np.ndarray:
    """The fitted model's score of the label numbered `positive`, float (n,): a distance, not a probability."""
    distances = model.decision_function(texts)
    if distances.ndim == 1:  # two labels have one column, the second label's
        return distances if positive == 1 else -distances
    return distances[:, positive]


def main() -> None:
    args = stage.parse(
        "baseline",
        __doc__,
        "build/prepared build/baseline",
        prepared=stage.PREPARED,
        out="the folder for the metrics and the predictions",
    )
    loaded = params.load()
    positive, main_corpus = loaded.positive, [loaded.main.name, params.FEEDBACK]
    train, test = (splits.read(args.prepared, name, main_corpus) for name in ("train", "test"))
    model = linear().fit(train.texts, train.actual)
    predicted = model.predict(test.texts)
    ranks = scores(model, test.texts, test.labels.index(positive))
    measured = metrics.decisions(test.actual, predicted, test.labels, positive)
    measured |= metrics.ranking(test.actual, ranks, test.labels, positive)
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "metrics.json").write_text(json.dumps(measured, indent=2) + "\n")
    splits.write_predictions(args.out / "predictions.csv", test, predicted)
    print("baseline:", ", ".join(f"{name} {value:.4f}" for name, value in measured.items()))


if __name__ == "__main__":
    stage.run(main)
