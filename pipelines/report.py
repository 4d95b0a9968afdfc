"""All variants side by side, and the champion where there is one, as a page that needs no other file.

    python -m pipelines.report BUILD OUT

reads BUILD/VARIANT/artifact, BUILD/VARIANT/evaluation and BUILD/VARIANT/model/curves.csv of each variant in
params.yaml, and BUILD/validation.json, and writes OUT. The champion is read from the registry: it has a column of its
own, unless it is what a variant is now. The stage runs at every `dvc repro`, since the champion may be another one.
"""

import json
from dataclasses import replace
from pathlib import Path

from pipelines import params, stage
from pipelines.measure import report
from pipelines.measure.report import Evaluated
from registry.errors import RegistryError, UnknownVersion
from registry.settings import RegistrySettings
from registry.versions import CHAMPION, Registry


def variants(build: Path, names: list[str]) -> list[Evaluated]:
    """Each variant as it is in `build`."""
    return [
        report.read(name, build / name / "artifact", build / name / "evaluation", build / name / "model" / "curves.csv")
        for name in names
    ]


def champion(registry: Registry) -> Evaluated | None:
    """The champion's evaluation, None where there is no champion. Raises RegistryError."""
    try:
        version = registry.resolve(CHAMPION)
    except UnknownVersion:
        return None
    with registry.evaluation(version) as folder:
        return report.read(f"champion, version {version.number}", folder.parent, folder)


def with_champion(columns: list[Evaluated], best: Evaluated | None) -> list[Evaluated]:
    """The variants, of which the champion is marked, or has a column of its own where it is none of them.

    A champion with other labels, which is of another corpus, is left out: its figures compare with none of these.
    """
    if best is None or best.metadata["labels"] != columns[0].metadata["labels"]:
        return columns
    same = [one.metadata["digest"] == best.metadata["digest"] and one.metrics == best.metrics for one in columns]
    if not any(same):
        return [*columns, best]
    return [
        replace(one, name=f"{one.name} ({best.name})") if marked else one
        for one, marked in zip(columns, same, strict=True)
    ]


def main() -> None:
    args = stage.parse(
        "report",
        __doc__,
        "build build/report.html",
        build="the folder with what the other stages wrote",
        out="the page to write",
    )
    loaded, settings = params.load(), RegistrySettings()
    columns = variants(args.build, list(loaded.variants))
    columns = with_champion(columns, champion(Registry(settings.model_name, settings.mlflow_tracking_uri)))
    expectations = json.loads((args.build / "validation.json").read_text())
    args.out.write_text(report.render(columns, loaded.positive, expectations), encoding="utf-8")
    print(f"report: {args.out}: {'; '.join(one.name for one in columns)}")


if __name__ == "__main__":
    stage.run(main, RegistryError)
