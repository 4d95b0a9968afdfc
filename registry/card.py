"""The model card of a version (Mitchell et al., 2019), written from what was measured of it and nothing else."""

from typing import Any

from registry.model.artifact import Artifact

FIGURES = ("confusion", "precision_recall", "reliability", "training_curves")


def card(artifact: Artifact, metrics: dict[str, float], details: dict[str, Any]) -> str:
    """Markdown; a section whose figures were not measured is left out. The images lie beside it in `figures/`."""
    sections = [
        _identity(artifact),
        _use(artifact),
        _data(details),
        _metrics(metrics, details),
        _crossval(details),
        _slices(details),
        _behaviour(metrics, details),
        _limits(details),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _identity(artifact: Artifact) -> str:
    named = artifact.metadata | {"labels": ", ".join(artifact.labels)}
    rows = [(name, named[name]) for name in ("variant", "labels", "digest", "corpus_sha256") if name in named]
    return _section(f"Model card: {named.get('variant', 'model')}", _table(("what", "value"), rows), level=1)


def _use(artifact: Artifact) -> str:
    return _section(
        "Intended use",
        f"Sorting short text messages into {' and '.join(artifact.labels)}, with a person able to see what was sorted "
        "out. Not for deciding about people, and not for long documents: it was measured on text messages alone.",
    )


def _data(details: dict[str, Any]) -> str:
    if not (data := details.get("data")):
        return ""
    rows = [
        (name, *(f"{count} {what}" for what, count in data[name].items())) for name in ("train", "validation", "test")
    ]
    text = (
        f"{data['rows']} rows, {data['duplicates']} of them duplicates, {data['conflicting']} with conflicting labels "
        f"and {data['empty'] + data['broken']} empty or broken; {data['messages']} messages are left. Near-twins share "
        "a group, and a group lies in one split, so that no test message has a near-twin in train."
    )
    if added := data.get("feedback", {}).get("added"):
        text += f" Train holds {added} corrections of callers besides."
    source = f"\n\nSource and licence: {data['source']}" if data.get("source") else ""
    heads = ("split", *("" for _ in rows[0][1:]))
    return _section("Data and protocol", f"{text}{source}\n\n{_table(heads, rows)}")


def _metrics(metrics: dict[str, float], details: dict[str, Any]) -> str:
    intervals, baseline = details.get("intervals", {}), details.get("baseline", {})
    rows = [
        (
            name,
            f"{value:.4f}",
            "{:.4f} to {:.4f}".format(*intervals[name]) if name in intervals else "",
            f"{baseline[name]:.4f}" if name in baseline else "",
        )
        for name, value in metrics.items()
        if not name.startswith("behaviour.")
    ]
    heads = ("on the test split", "value", "95 % bootstrap interval", "TF-IDF and linear SVM")
    images = "\n".join(f"![{name}](figures/{name}.png)" for name in FIGURES)
    return _section("Metrics and calibration", f"{_table(heads, rows)}\n\n{images}")


def _crossval(details: dict[str, Any]) -> str:
    """Each candidate's means; the first is the version's own variant, tested against the others."""
    title = "Repeated cross-validation"
    if not (found := details.get("crossval")):
        return _section(title, "Not measured with this version's parameters on its corpus.")
    (own, first), *_ = found["candidates"].items()
    names = [name for name, value in first.items() if isinstance(value, float)]
    rows = [
        (name, *(f"{figures[name]:.4f}" if name in figures else "" for figures in found["candidates"].values()))
        for name in names
    ]
    tests = [
        f"- {own} against {other}: {metric} {test['difference']:+.4f}, p = {test['p']:.3f}"
        for other, measured in first["against"].items()
        for metric, test in measured.items()
    ]
    low, high = first["intervals"]["mcc"]
    text = (
        f"{found['repeats']} times {found['folds']} folds of the {found['messages']} messages outside the test split, "
        f"near-twins together. The 95 % interval of {own}'s MCC is {low:.4f} to {high:.4f}. `ceiling` is what the "
        f"pooled average precision would be if all but the {found['hardest']} hardest messages were in order."
    )
    table = _table(("mean", *found["candidates"]), rows)
    return _section(title, "\n\n".join([text, table, "\n".join(tests)]))


def _slices(details: dict[str, Any]) -> str:
    if not (slices := details.get("slices")):
        return ""
    names = sorted({name for figures in slices.values() for name in figures} - {"messages"})
    rows = [
        (part, figures["messages"], *(f"{figures[name]:.4f}" if name in figures else "" for name in names))
        for part, figures in slices.items()
    ]
    return _section("Slices of the test split", _table(("slice", "messages", *names), rows))


def _behaviour(metrics: dict[str, float], details: dict[str, Any]) -> str:
    if not (behaviour := details.get("behaviour")):
        return ""
    rows = [
        (capability, test, count["cases"], f"{count['passed'] / count['cases']:.1%}")
        for capability, tests in behaviour.items()
        for test, count in tests.items()
    ]
    overall = ", ".join(f"{name} {metrics[f'behaviour.{name}']:.1%}" for name in behaviour)
    return _section(
        "Behaviour on written messages", f"{overall}\n\n{_table(('capability', 'test', 'cases', 'passed'), rows)}"
    )


def _limits(details: dict[str, Any]) -> str:
    """The worst tests and slices by their figures."""
    weak = [
        f"- {test} ({capability}): {count['passed']} of {count['cases']} passed"
        for capability, tests in details.get("behaviour", {}).items()
        for test, count in tests.items()
        if count["passed"] < 0.8 * count["cases"]
    ]
    weak += [
        f"- slice {part}: MCC {figures['mcc']:.4f} on {figures['messages']} messages"
        for part, figures in details.get("slices", {}).items()
        if figures.get("mcc", 1) < 0.9
    ]
    return _section("Limits", "\n".join(weak)) if weak else ""


def _section(title: str, text: str, level: int = 2) -> str:
    return f"{'#' * level} {title}\n\n{text}"


def _table(heads: tuple, rows: list[tuple]) -> str:
    lines = [heads, ("---",) * len(heads), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
