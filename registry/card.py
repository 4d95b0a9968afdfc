"""The model card of a version (Mitchell et al., 2019): every figure in it was measured of this version."""

from typing import Any

from registry.model.artifact import Artifact
from registry.model.evaluation import CaseCount, EvaluationDetails

FIGURES = ("confusion", "precision_recall", "reliability", "training_curves")


def card(artifact: Artifact, metrics: dict[str, float], details: EvaluationDetails) -> str:
    """Markdown, without the sections that were not measured. The images are expected beside it, in `figures/`."""
    sections = [
        _identity(artifact),
        _stand_in(artifact),
        _use(artifact),
        _data(details.data),
        _metrics(metrics, details),
        _crossval(details.crossval),
        _slices(details.slices),
        _behaviour(metrics, details.behaviour),
        _limits(details),
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


def _data(report: dict[str, Any]) -> str:
    if not report:
        return ""
    rows = [
        (split, *(f"{count} {name}" for name, count in report[split].items()))
        for split in ("train", "validation", "test")
    ]
    text = (
        f"{report['rows']} rows, {report['duplicates']} of them duplicates, {report['conflicting']} with conflicting "
        f"labels and {report['empty'] + report['broken']} empty or broken; {report['messages']} messages are left. "
        "Near-twins share a group, and a group lies in one split, so that no test message has a near-twin in train."
    )
    if added := report.get("feedback", {}).get("added"):
        text += f" Train holds {added} corrections of callers besides."
    origin = report.get("stand_in") or report.get("source")
    source = f"\n\nSource and licence: {origin}" if origin else ""
    heads = ("split", *("" for _ in rows[0][1:]))
    return _section("Data and protocol", f"{text}{source}\n\n{_table(heads, rows)}")


def _metrics(metrics: dict[str, float], details: EvaluationDetails) -> str:
    rows = [
        (
            name,
            f"{value:.4f}",
            "{:.4f} to {:.4f}".format(*details.intervals[name]) if name in details.intervals else "",
            _figure(details.baseline, name),
        )
        for name, value in metrics.items()
        if not name.startswith("behaviour.")
    ]
    heads = ("on the test split", "value", "95 % bootstrap interval", "TF-IDF and linear SVM")
    images = "\n".join(f"![{name}](figures/{name}.png)" for name in FIGURES)
    return _section("Metrics and calibration", f"{_table(heads, rows)}\n\n{images}")


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


def _slices(slices: dict[str, dict[str, int | float]]) -> str:
    if not slices:
        return ""
    names = sorted({name for figures in slices.values() for name in figures} - {"messages"})
    rows = [
        (part, figures["messages"], *(_figure(figures, name) for name in names)) for part, figures in slices.items()
    ]
    return _section("Slices of the test split", _table(("slice", "messages", *names), rows))


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
    """The behaviour tests of which less than 80 % passed, and the slices with an MCC below .9."""
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
    return _section("Limits", "\n".join(weak)) if weak else ""


def _figure(figures: dict[str, float], name: str) -> str:
    return f"{figures[name]:.4f}" if name in figures else ""


def _section(title: str, text: str, level: int = 2) -> str:
    return f"{'#' * level} {title}\n\n{text}"


def _table(heads: tuple, rows: list[tuple]) -> str:
    lines = [heads, ("---",) * len(heads), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
