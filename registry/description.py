"""What MLflow's pages show of a version and of the registered model.

The description of a version is its card, with links that MLflow's pages can follow: to the report and the figures among
the artifacts of its run, which `pipelines.register` puts there. Before the card comes the newest verdict of the gate.
The card's last sections are missing where it is longer than MLflow accepts.
"""

import re

from registry.gate import Verdict
from registry.versions import CARD, EVALUATION, REPORT, Registry, Version

MODEL = (
    "A classifier of text messages. Each version is an ONNX graph with its tokenizer, operating point and evaluation; "
    "the version with the alias `champion` answers. `python -m registry promote VERSION` moves the alias if the gate "
    "lets it."
)
PAGES = {REPORT: "Evaluation report", CARD: "the whole model card"}
_FIGURE = re.compile(r"!\[(\w+)\]\((figures/\w+\.png)\)")


def describe(registry: Registry, version: Version, card: str, verdict: Verdict | None = None) -> None:
    """Set the version's description; `verdict` is the gate's newest."""
    address, files = registry.evaluation_files(version.run_id)
    links = ", ".join(f"[{title}]({address}/{name})" for name, title in PAGES.items() if name in files)
    shown = f"![\\1](get-artifact?path={EVALUATION}/\\2&run_uuid={version.run_id})" if "figures" in files else ""
    parts = [links, _gate(verdict), _FIGURE.sub(shown, card)]
    text = "\n\n".join(filter(None, parts))
    registry.set_description(version.number, re.sub(r"\n{3,}", "\n\n", text))


def describe_model(registry: Registry) -> None:
    registry.describe_model(MODEL)


def _gate(verdict: Verdict | None) -> str:
    """The verdict as a table."""
    if verdict is None:
        return ""
    lines = [f"## Gate: {'passed' if verdict.passed else 'not passed'}, {verdict.against}", ""]
    lines += ["| check | found | asked | |", "| --- | --- | --- | --- |"]
    for check in verdict.checks:
        outcome = "pass" if check.passed else "**fail**"
        lines.append(f"| {check.name} | {check.found} | {check.asked} | {outcome} |")
    return "\n".join(lines)
