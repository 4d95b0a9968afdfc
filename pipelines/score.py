"""Score many messages on Apache Spark with a version of the registry.

    python -m pipelines.score INPUT OUTPUT [--model models:/sms-spam@champion] [--master local[*]]

INPUT is a CSV, TSV, JSON lines or Parquet file, a folder of such files, or `calls`, the service's call log. OUTPUT is a
folder of Parquet files, or `cache`, the service's cache. A text gets the answer that the service gives it. A row that
cannot be scored is put aside in OUTPUT/_rejected with the reason.

A run that was killed is continued by the same command: no row is missing then, and none is there twice.
docs/scoring.md explains the columns and the figures.
"""

import argparse
import hashlib
import json
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from pipelines import stage
from pipelines.scoring import cluster
from pipelines.scoring.folder import OutputError, OutputFolder
from pipelines.scoring.pieces import FORMATS, PIECE_BYTES, PIECE_ROWS, Columns, InputError, Plan, plan
from pipelines.scoring.service import ID, TEXT, ServiceError, copy_calls, fill_cache
from pipelines.scoring.worker import Job, PieceError
from registry import command
from registry.errors import RegistryError
from registry.model.artifact import FILES, ArtifactError, damage
from registry.model.decision import UNSURE
from registry.quick import QuickRegistry
from registry.settings import RegistrySettings
from registry.versions import CHAMPION, Version

CALLS, CACHE = "calls", "cache"  # an INPUT and an OUTPUT of the service
CACHE_FOLDER = Path("build/scored")  # where the rows are on their way to the cache
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FORMAT = 1  # of the folder
MASTERS = ("local", "spark://", "yarn", "k8s://")
MODEL_URI = re.compile(r"models:/([^/@]+)[/@]([^/@]+)")
ERRORS = (
    InputError,
    OutputError,
    PieceError,
    ServiceError,
    cluster.SparkError,
    RegistryError,
    ArtifactError,
    ValidationError,
)


class Model(NamedTuple):
    """A version of a registered model, and the folder with its files on this machine."""

    name: str
    version: Version
    folder: Path


def main() -> None:
    args = _arguments()
    cluster.check_spark()
    columns = _columns(args)
    planned = None if args.input == CALLS else plan(Path(args.input), columns, args.format)
    with model_files(args.model) as model:
        begun = manifest(args, columns, planned, model)
        folder = OutputFolder(_cache_folder(begun) if args.output == CACHE else Path(args.output))
        folder.check()
        with folder.locked():
            folder.begin(begun)
            if folder.summary() is None:
                planned = planned or plan(copy_calls(folder, args.since), columns)
                score_missing(args, columns, planned, model, folder)
                folder.end(summarise(folder, model))
            if args.output == CACHE:
                stored = fill_cache(folder, model.version.key, lambda rows: say(f"{rows:,} rows are in the cache"))
                say(f"the cache has got {stored:,} rows, under the key {model.version.key}")
        tell(folder, args.output == CACHE)


def score_missing(
    args: argparse.Namespace, columns: Columns, planned: Plan, model: Model, folder: OutputFolder
) -> None:
    """Score the pieces that are not finished."""
    output = str(folder.path.absolute())
    job = Job(planned.format, columns, model.version.number, output)
    finished = folder.finished()
    missing = [piece for piece in planned.pieces if piece.number not in finished]
    if finished:
        say(f"goes on: {len(finished):,} of {len(planned.pieces):,} pieces are finished")
    if not missing:
        return
    say(f"{len(missing):,} pieces with version {job.number} of {model.name} on {args.master}")
    started = time.perf_counter()

    def report(rows: int) -> None:
        done, seconds = len(folder.finished()), time.perf_counter() - started
        rate = f"{rows:,} rows in {seconds:.0f} s, {rows / seconds:,.0f} a second"
        say(f"{done:,} of {len(planned.pieces):,} pieces; {rate}")

    cluster.run(missing, job, model.folder, args.master, args.conf, report)


def manifest(args: argparse.Namespace, columns: Columns, planned: Plan | None, model: Model) -> dict[str, Any]:
    """What a folder is begun with: another input, column or version would make another output."""
    files = [file._asdict() for file in planned.files] if planned else [{"calls since": args.since.isoformat()}]
    version = {"name": model.name, "version": model.version.number, "digest": model.version.digest}
    return {
        "format": FORMAT,
        "input": {"format": planned.format if planned else CALLS, "files": files},
        "columns": columns._asdict(),
        "pieces": {"bytes": PIECE_BYTES, "rows": PIECE_ROWS},
        "model": version,
    }


@contextmanager
def model_files(ref: str) -> Iterator[Model]:
    """The version that `--model` names, and a folder with its files, whose digest is right.

    Raises RegistryError, ArtifactError.
    """
    settings = RegistrySettings()
    named = MODEL_URI.fullmatch(ref)
    if ref.startswith("models:") and not named:
        raise RegistryError(f"{ref} names no version: models:/NAME@ALIAS and models:/NAME/NUMBER do")
    name, ref = named.groups() if named else (settings.model_name, ref)
    registry = QuickRegistry(name, settings.mlflow_tracking_uri)
    version = registry.resolve(ref)
    with tempfile.TemporaryDirectory() as scratch, registry.files(version) as source:
        folder = Path(scratch) / f"{name}-{version.key}"
        folder.mkdir()
        if problem := damage(source, version.digest):
            raise ArtifactError(problem)
        for file in FILES:
            shutil.copy(source / file, folder)
        yield Model(name, version, folder)


def summarise(folder: OutputFolder, model: Model) -> dict[str, Any]:
    """The counts of all pieces."""
    counts = folder.counts()
    version = {"model_version": model.version.number, "digest": model.version.digest}
    return {"rows": counts["labels"].total(), **version} | {name: dict(n.most_common()) for name, n in counts.items()}


def tell(folder: OutputFolder, into_cache: bool) -> None:
    """Print the summary; delete the folder on the way to the cache. Raises OutputError where no row was scored."""
    summary = folder.summary()
    if into_cache:  # also with rows put aside: the next run is to read the call log anew
        folder.remove()
    if summary["rejected"]:
        where = "" if into_cache else f", in {folder.path / '_rejected'}"
        say(f"{sum(summary['rejected'].values()):,} rows were put aside{where}:")
        for reason, count in summary["rejected"].items():
            say(f"  {count:,}: {reason}")
    if not summary["rows"]:
        raise OutputError("no row could be scored")
    labels = ", ".join(f"{count:,} {label}" for label, count in summary["labels"].items())
    unsure = summary["verdicts"].get(UNSURE, 0)
    labels += f"; {unsure:,} of them {UNSURE}" if unsure else ""
    version, where = summary["model_version"], "the cache" if into_cache else folder.path
    say(f"{summary['rows']:,} rows ({labels}) with version {version} in {where}")


def say(text: str) -> None:
    print(f"score: {text}", flush=True)


def _columns(args: argparse.Namespace) -> Columns:
    """Of the call log, the rows have the id of a call in place of its text; the cache needs the texts."""
    if args.input == CALLS:
        return Columns(TEXT, None if args.output == CACHE else ID)
    return Columns(args.text, args.key)


def _cache_folder(begun: dict[str, Any]) -> Path:
    return CACHE_FOLDER / hashlib.sha256(json.dumps(begun).encode()).hexdigest()[:16]


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name.startswith("spark.") and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not spark.NAME=VALUE")
    return name, value


def _master(text: str) -> str:
    if not text.startswith(MASTERS):
        raise argparse.ArgumentTypeError(f"{text!r} is no master of Spark: it begins with {', '.join(MASTERS)}")
    return text


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _arguments() -> argparse.Namespace:
    parser = stage.parser("score", __doc__, "messages.csv build/scores --model models:/sms-spam@champion")
    parser.add_argument(
        "input", metavar="INPUT", help=f"a file, a folder of files, or `{CALLS}`: the call log of the service"
    )
    parser.add_argument(
        "output",
        metavar="OUTPUT",
        help=f"a folder, new or of a run to continue, or `{CACHE}`: the cache of the service",
    )
    parser.add_argument(
        "--model",
        default=CHAMPION,
        help="models:/NAME@ALIAS, models:/NAME/NUMBER, a number or an alias; default: champion",
    )
    parser.add_argument("--text", default=TEXT, metavar="COLUMN", help="the column with the text; default: text")
    parser.add_argument("--key", metavar="COLUMN", help="write this column as `key`, and no text")
    parser.add_argument(
        "--format", choices=sorted(set(FORMATS.values())), help="of the files; default: what their names end in"
    )
    parser.add_argument(
        "--since", type=_moment, default=EPOCH, metavar="TIME", help=f"with `{CALLS}`: the calls since then, ISO 8601"
    )
    sentence = "of Spark; default: local[*], all cores of this machine"
    parser.add_argument("--master", type=_master, default="local[*]", help=sentence)
    parser.add_argument(
        "--conf",
        type=_setting,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting of Spark; repeatable",
    )
    args = parser.parse_args()
    if args.key and args.input == CALLS:
        parser.error(f"--key is for files: the rows of `{CALLS}` have the id of the call as their key")
    if args.key and args.output == CACHE:
        parser.error(f"--key is for a folder: `{CACHE}` finds an answer by its text")
    return args


if __name__ == "__main__":
    command.run(main, *ERRORS)
