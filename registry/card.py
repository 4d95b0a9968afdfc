"""The model card of a version (Mitchell et al., 2019): every figure in it was measured of this version."""

from typing import Any

from registry.model.artifact import Artifact
from registry.model.decision import MostProbable
from registry.model.evaluation import CaseCount, CorpusInfo, EvaluationDetails, Figures, Share, SourceFigures

COUNTED = ("messages", "caught [95 % interval]", "blocked [95 % interval]")
MUCH_BLOCKED = 0.05  # of a corpus's messages that must not be
FIGURES = ("confusion", "precision_recall", "reliability", "training_curves")


def card(artifact: Artifact, metrics: dict[str, float], details: EvaluationDetails) -> str:
    """Markdown, without the sections that were not measured. The images are expected beside it, in `figures/`."""
    sections = [
        _identity(artifact),
        _stand_in(artifact),
        _use(artifact),
        _operating_point(artifact),
        _data(details.data),
        _corpora(details),
        _metrics(metrics, details),
        _sources(details),
        _crossval(details.crossval),
        _slices(details),
        _behaviour(metrics, details.behaviour),
        _limits(details),
        _kinds(details.sources),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _identity(artifact: Artifact) -> str:
    metadata = artifact.metadata | {"labels": ", ".join(artifact.labels)}
    rows = [(name, metadata[name]) for name in ("variant", "labels", "digest", "corpus_sha256") if name in metadata]
    return _section(f"Model card: {metadata.get('variant', 'model')}", _table(("what", "value"), rows), level=1)


def _stand_in(artifact: Artifact) -> str:
    if source := artifact.metadata.get("stand_in"):
        return (
            f"**Trained and measured on a stand-in for the corpus**: {source}. No figure below compares with those of "
            "a version of the corpus itself."
        )
    return ""


def _use(artifact: Artifact) -> str:
    return _section(
        "Intended use",
        f"Sorting short text messages into {' and '.join(artifact.labels)}, with a person able to see what was sorted "
        "out. Not for deciding about people, and not for long documents: it was measured on text messages alone.",
    )


def _operating_point(artifact: Artifact) -> str:
    """How probabilities become an answer."""
    decision = artifact.decision
    if isinstance(decision, MostProbable):
        return _section("Operating point", "None was chosen: the most probable label is answered.")
    text = (
        f"`{decision.positive}` is answered from a probability of {decision.threshold:.4f} on, chosen on validation "
        f"messages. From {decision.unsure_from:.4f} up to {decision.unsure_to:.4f} the verdict is `unsure`."
    )
    if decision.familiar:
        text += f" A text is unfamiliar where less than {decision.familiar:.0%} of its n-grams are common in training."
    return _section("Operating point", text)


def _data(report: dict[str, Any]) -> str:
    if not report:
        return ""
    counted = ("rows", "duplicates", "conflicting", "empty", "broken", "messages")
    parts = ("train", "validation", "test")
    rows = [
        (name, *(counts[key] for key in counted), *(_labels(counts[part]) for part in parts))
        for name, counts in report["corpora"].items()
    ]
    text = (
        "Of its rows, a corpus keeps the first of each message. Near-twins share a group, and a group lies in one "
        "split, so that no test message has a near-twin in train."
    )
    if added := report.get("feedback", {}).get("added"):
        text += f" Train holds {added} corrections of callers besides."
    return _section("Data and protocol", f"{text}\n\n{_table(('corpus', *counted, *parts), rows)}")


def _labels(counts: dict[str, int]) -> str:
    """`3598: 3161 ham, 437 spam`"""
    labels = ", ".join(f"{count} {label}" for label, count in counts.items() if label != "messages")
    return f"{counts['messages']}: {labels}"


def _corpora(details: EvaluationDetails) -> str:
    """Where each corpus is from, and what it was used for."""
    if not details.corpora:
        return ""
    rows = [
        (corpus.name, _use_of(corpus, details), corpus.years, corpus.licence, corpus.source)
        for corpus in details.corpora
    ]
    text = f"Where a figure names no corpus, it is of {details.corpora[0].name}."
    return _section("Corpora", f"{text}\n\n{_table(('corpus', 'used for', 'years', 'licence', 'source'), rows)}")


def _use_of(corpus: CorpusInfo, details: EvaluationDetails) -> str:
    if corpus.missing:
        return "nothing: it was missing"
    return "training and measuring" if details.sources[corpus.name].trained else "measuring alone"


def _metrics(metrics: dict[str, float], details: EvaluationDetails) -> str:
    rows = [
        (
            name,
            f"{value:.4f}",
            "{:.4f} to {:.4f}".format(*details.intervals[name]) if name in details.intervals else "",
            _figure(details.baseline, name),
        )
        for name, value in metrics.items()
        if not name.startswith(("behaviour.", "source."))
    ]
    heads = ("on the test split", "value", "95 % interval", "TF-IDF and linear SVM")
    images = "\n".join(f"![{name}](figures/{name}.png)" for name in FIGURES)
    return _section("Metrics and calibration", f"{_table(heads, rows)}\n\n{images}")


def _sources(details: EvaluationDetails) -> str:
    """What is caught and blocked of each corpus."""
    if not details.sources:
        return ""
    rows = []
    for name, figures in details.sources.items():
        rows.append((name, "training and measuring" if figures.trained else "measuring alone", *_counted(figures)))
        if figures.without_twins:
            rows.append(
                (name, "the same, without near-twins of messages to train on", *_counted(figures.without_twins))
            )
    text = (
        "Of a corpus that has splits, the test split. Intervals are exact (Clopper and Pearson, 1934): none blocked of "
        "a few is no promise."
    )
    return _section("By corpus", f"{text}\n\n{_table(('corpus', 'used for', *COUNTED), rows)}")


def _kinds(sources: dict[str, SourceFigures]) -> str:
    """What is caught and blocked of each kind of message, where a corpus tells it."""
    rows = [
        (name, kind, *_counted(counted)) for name, figures in sources.items() for kind, counted in figures.kinds.items()
    ]
    return _section("By kind of message", _table(("corpus", "kind", *COUNTED), rows)) if rows else ""


def _counted(figures: Figures) -> tuple[int, str, str]:
    return figures.messages, _share(figures.caught), _share(figures.blocked)


def _share(share: Share | None) -> str:
    return f"{share.count} of {share.of} [{share.low:.1%}, {share.high:.1%}]" if share else ""


def _crossval(crossval: dict[str, Any]) -> str:
    """Each candidate's means; the first is the version's own variant, tested against the others."""
    title = "Repeated cross-validation"
    if not crossval:
        return _section(title, "Not measured with this version's parameters on its corpus.")
    candidates = crossval["candidates"]
    variant, own = next(iter(candidates.items()))
    names = [name for name, value in own.items() if isinstance(value, float)]
    rows = [(name, *(_figure(figures, name) for figures in candidates.values())) for name in names]
    tests = [
        f"- {variant} against {other}: {metric} {test['difference']:+.4f}, p = {test['p']:.3f}"
        for other, measured in own["against"].items()
        for metric, test in measured.items()
    ]
    low, high = own["intervals"]["mcc"]
    text = (
        f"{crossval['repeats']} times {crossval['folds']} folds of the {crossval['messages']} messages outside the "
        f"test split, near-twins together. The 95 % interval of {variant}'s MCC is {low:.4f} to {high:.4f}. `ceiling` "
        f"is what the pooled average precision would be if all but the {crossval['hardest']} hardest messages were in "
        "order."
    )
    return _section(title, "\n\n".join([text, _table(("mean", *candidates), rows), "\n".join(tests)]))


def _slices(details: EvaluationDetails) -> str:
    """A row for each slice; what is caught and blocked is counted, except in an evaluation that has no counts."""
    if not details.slices:
        return ""
    measured = {name for figures in details.slices.values() for name in figures} - {"messages"}
    counted = details.slice_figures
    names = sorted(name for name in measured if not (counted and name.endswith(("_caught", "_blocked"))))
    rows = [
        (
            *(part, figures["messages"], *(_figure(figures, name) for name in names)),
            *(map(_share, (counted[part].caught, counted[part].blocked)) if counted else ()),
        )
        for part, figures in details.slices.items()
    ]
    heads = ("slice", "messages", *names, *(COUNTED[1:] if counted else ()))
    return _section("Slices of the test split", _table(heads, rows))


def _behaviour(metrics: dict[str, float], behaviour: dict[str, dict[str, CaseCount]]) -> str:
    if not behaviour:
        return ""
    rows = [
        (capability, test, count.cases, f"{count.passed / count.cases:.1%}")
        for capability, tests in behaviour.items()
        for test, count in tests.items()
    ]
    overall = ", ".join(f"{name} {metrics[f'behaviour.{name}']:.1%}" for name in behaviour)
    table = _table(("capability", "test", "cases", "passed"), rows)
    return _section("Behaviour on written messages", f"{overall}\n\n{table}")


def _limits(details: EvaluationDetails) -> str:
    """The behaviour tests of which less than 80 % passed, the slices with an MCC below .9, the corpora it blocks."""
    weak = [
        f"- {test} ({capability}): {count.passed} of {count.cases} passed"
        for capability, tests in details.behaviour.items()
        for test, count in tests.items()
        if count.passed < 0.8 * count.cases
    ]
    weak += [
        f"- slice {part}: MCC {figures['mcc']:.4f} on {figures['messages']} messages"
        for part, figures in details.slices.items()
        if figures.get("mcc", 1) < 0.9
    ]
    weak += [
        f"- corpus {name}: it blocks {_share(figures.blocked)}"
        for name, figures in details.sources.items()
        if figures.blocked and figures.blocked.count > MUCH_BLOCKED * figures.blocked.of
    ]
    return _section("Limits", "\n".join(weak)) if weak else ""


def _figure(figures: dict[str, float], name: str) -> str:
    return f"{figures[name]:.4f}" if name in figures else ""


def _section(title: str, text: str, level: int = 2) -> str:
    return f"{'#' * level} {title}\n\n{text}"


def _table(heads: tuple, rows: list[tuple]) -> str:
    lines = [heads, ("---",) * len(heads), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
