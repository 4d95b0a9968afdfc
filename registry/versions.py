"""The versions of the registered model, read from the MLflow registry.

Importing MLflow takes a second or two, so a Registry imports it when it first needs it, and this module does not.
"""

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from registry.errors import RegistryError, UnknownVersion, as_registry_errors
from registry.model.evaluation import EvaluationDetails

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHAMPION = "champion"  # the alias of the version that answers the calls that name none
PAYLOAD = "version"  # the folder of the artifact inside the logged pyfunc
EVALUATION = "evaluation"  # in that folder: what was measured of the version
CARD = "card.md"  # in that folder, beside its figures
REPORT = "report.html"  # in that folder too, where its evaluation has one: a page that needs no other file
CORPUS = "corpus_sha256"  # in its metadata and its tags: of the file with the training messages
STAND_IN = "stand_in"  # in its metadata and its tags: what stood in for the corpus in training; absent otherwise
ADMITTED = "admitted"  # a tag of a version that `promote` made champion: how and why
MAX_DESCRIPTION = 5000  # characters, MLflow's limit


@dataclass(frozen=True)
class Version:
    """One registered version.

    `metrics` are written when it is registered. `verdict` is the gate's newest, None before the first. An `admitted`
    version may be champion: the gate passed it, or it was forced with a reason.
    """

    number: str
    aliases: tuple[str, ...]
    digest: str
    variant: str
    created_at: datetime
    metrics: dict[str, float]
    run_id: str = ""
    fingerprint: str = ""
    verdict: dict | None = None
    stand_in: str = ""  # what stood in for the corpus in training; empty for the corpus itself
    problem: str = ""  # why it cannot be served; empty when it can
    admitted: bool = True

    @property
    def key(self) -> str:
        """Names the content in the cache and the call log: a registry that counts from 1 again repeats no key."""
        return f"{self.number}-{self.digest[:8]}"

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON; `from_dict` is the inverse."""
        return asdict(self) | {"aliases": list(self.aliases), "created_at": self.created_at.isoformat()}

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> "Version":
        created_at = datetime.fromisoformat(fields["created_at"])
        return cls(**fields | {"aliases": tuple(fields["aliases"]), "created_at": created_at})


@dataclass(frozen=True)
class RegisteredModel:
    """What the registry says of the model: every version, newest first, and the model's own tags."""

    versions: list[Version]
    tags: dict[str, str]


class Registry:
    """The versions of one registered model. Every method raises RegistryError when the registry cannot be reached."""

    def __init__(self, model_name: str, tracking_uri: str) -> None:
        self.model_name = model_name
        self.tracking_uri = tracking_uri

    @cached_property
    def client(self) -> "MlflowClient":
        from mlflow import MlflowClient

        with self.errors():
            return MlflowClient(tracking_uri=self.tracking_uri, registry_uri=self.tracking_uri)

    def versions(self) -> list[Version]:
        """Every version that can be served, newest first; none where the model was never registered."""
        return [version for version in self.everything() if not version.problem]

    def everything(self) -> list[Version]:
        """Every version, newest first, also those that cannot be served: an alias may point to one."""
        model = self.model()
        return model.versions if model else []

    def model(self) -> RegisteredModel | None:
        """The versions and the model's tags, read together; None where the model was never registered."""
        with self.errors():
            models = self.client.search_registered_models(filter_string=f"name = '{self.model_name}'")
            if not models:
                return None
            rows = self.client.search_model_versions(f"name = '{self.model_name}'", max_results=10_000)
        return RegisteredModel(newest_first(rows, models[0].aliases), dict(models[0].tags))

    def resolve(self, ref: str) -> Version:
        """The version that REF, a number or an alias, names. Raises UnknownVersion."""
        versions = self.versions()
        for version in versions:
            if ref == version.number or ref in version.aliases:
                return version
        known = ", ".join(" = ".join((v.number, *v.aliases)) for v in versions) or "none; `dvc repro` registers them"
        raise UnknownVersion(f"no version {ref!r} of {self.model_name}; there are: {known}")

    def folder(self, version: Version, downloads: str | None = None) -> Path:
        """The version's artifact as a local folder, downloaded where the store is remote.

        A download goes into the folder `downloads`, or into a new temporary one, which stays.
        """
        from mlflow.artifacts import download_artifacts

        with self.errors():  # not by a `models:/` URI: MLflow looks for that one in its default registry
            uri = self.client.get_model_version_download_uri(self.model_name, version.number)
            into = None if urlsplit(uri).scheme in ("", "file") else downloads  # local files are not copied
            path = download_artifacts(artifact_uri=uri, tracking_uri=self.tracking_uri, dst_path=into)
        return Path(path) / "artifacts" / PAYLOAD

    @contextmanager
    def files(self, version: Version) -> Iterator[Path]:
        """The version's artifact as a local folder; what is downloaded for it is deleted after the block."""
        with tempfile.TemporaryDirectory() as downloads:
            yield self.folder(version, downloads)

    @contextmanager
    def evaluation(self, version: Version) -> Iterator[Path]:
        """The folder with what was measured of the version, as `files` gives it.

        Raises RegistryError also for a file that the block finds missing or damaged.
        """
        try:
            with self.files(version) as folder:
                yield folder / EVALUATION
        except (OSError, ValueError) as error:
            raise RegistryError(f"version {version.number} carries no evaluation: {error}") from error

    def details(self, version: Version) -> EvaluationDetails:
        """The version's details.json; what is downloaded for it is deleted. Raises ValueError when it is damaged."""
        from mlflow.artifacts import download_artifacts

        with self.errors(), tempfile.TemporaryDirectory() as scratch:
            uri = self.client.get_model_version_download_uri(self.model_name, version.number)
            uri = f"{uri.rstrip('/')}/artifacts/{PAYLOAD}/{EVALUATION}/details.json"
            path = download_artifacts(artifact_uri=uri, tracking_uri=self.tracking_uri, dst_path=scratch)
            return EvaluationDetails.read(Path(path))

    def model_tags(self) -> dict[str, str]:
        """The registered model's own tags."""
        with self.errors():
            return dict(self.client.get_registered_model(self.model_name).tags)

    def card(self, version: Version) -> str:
        """The version's model card, Markdown; empty where it has none."""
        with self.files(version) as folder:
            return (folder / CARD).read_text() if (folder / CARD).exists() else ""

    def set_description(self, number: str, description: str) -> None:
        """Set what MLflow's pages show of the version, cut after a paragraph where it is longer than MLflow accepts."""
        if len(description) > MAX_DESCRIPTION:
            description = description[:MAX_DESCRIPTION].rpartition("\n\n")[0]
        with self.errors():
            self.client.update_model_version(self.model_name, number, description)

    def describe_model(self, description: str) -> None:
        """Set what MLflow's pages show of the registered model, unless somebody has written something."""
        with self.errors():
            if not self.client.get_registered_model(self.model_name).description:
                self.client.update_registered_model(self.model_name, description)

    def evaluation_files(self, run_id: str) -> tuple[str, list[str]]:
        """The address in MLflow's UI of a run's folder `evaluation`, and the names of what is in it.

        Nothing is in it where the run is gone.
        """
        from mlflow.exceptions import MlflowException

        if not run_id:
            return "", []
        with self.errors():
            try:
                experiment = self.client.get_run(run_id).info.experiment_id
                files = self.client.list_artifacts(run_id, EVALUATION)
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise
                return "", []
        address = f"#/experiments/{experiment}/runs/{run_id}/artifacts/{EVALUATION}"
        return address, [file.path.removeprefix(f"{EVALUATION}/") for file in files]

    def tag(self, version: Version, key: str, value: str) -> None:
        with self.errors():
            self.client.set_model_version_tag(self.model_name, version.number, key, value)

    def tag_model(self, key: str, value: str) -> None:
        with self.errors():
            self.client.set_registered_model_tag(self.model_name, key, value)

    def untag_model(self, key: str) -> None:
        """Remove the tag; nothing happens where there is none."""
        with self.errors():
            self.client.delete_registered_model_tag(self.model_name, key)

    def point(self, before: Mapping[str, str], after: Mapping[str, str]) -> None:
        """Move the aliases from `before` to `after`, {alias: number}; the champion moves last.

        MLflow moves one alias at a time, and a service that reads in between unloads a version without any. So a
        version that changes its alias has a temporary one meanwhile.
        """
        changed = [alias for alias in sorted(after, key=CHAMPION.__eq__) if before.get(alias) != after[alias]]
        moving = {before.get(alias) for alias in changed} & set(after.values())
        with self.errors():
            for number in moving:
                self.client.set_registered_model_alias(self.model_name, f"moving-{number}", number)
            for alias in changed:
                self.client.set_registered_model_alias(self.model_name, alias, after[alias])
            for alias in (before.keys() - after.keys()) | {f"moving-{number}" for number in moving}:
                self.client.delete_registered_model_alias(self.model_name, alias)

    def errors(self) -> AbstractContextManager[None]:
        """Raise RegistryError for the errors of MLflow and of what is below it."""
        return as_registry_errors(self.tracking_uri)


def newest_first(rows: Iterable[Any], aliases: Mapping[str, str | int]) -> list[Version]:
    """MLflow's rows of versions as Versions; `aliases` are the model's, {alias: number}."""
    return sorted((_version(row, aliases) for row in rows), key=lambda version: int(version.number), reverse=True)


def _version(row: Any, aliases: Mapping[str, str | int]) -> Version:
    problem = _problem(row)
    try:
        metrics, verdict = json.loads(row.tags.get("metrics", "{}")), json.loads(row.tags.get("verdict", "null"))
    except ValueError as error:
        metrics, verdict, problem = {}, None, f"its tags were not written by `dvc repro`: {error}"
    return Version(
        number=str(row.version),
        aliases=tuple(sorted(alias for alias, number in aliases.items() if str(number) == str(row.version))),
        digest=row.tags.get("digest", ""),
        variant=row.tags.get("variant", ""),
        created_at=datetime.fromtimestamp(row.creation_timestamp / 1000, UTC),
        metrics=metrics,
        run_id=row.run_id or "",
        fingerprint=row.tags.get("fingerprint", ""),
        verdict=verdict,
        stand_in=row.tags.get(STAND_IN, ""),
        problem=problem,
        # versions promoted before there was the tag ADMITTED have a passed verdict only
        admitted=ADMITTED in row.tags or bool(verdict and verdict.get("passed")),
    )


def _problem(row: Any) -> str:
    if row.status != "READY":
        return f"the registry says that it is {row.status}"
    return "" if "digest" in row.tags else "it has no tag `digest`: it was not registered by `dvc repro`"
