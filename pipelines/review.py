"""Label the review queue in Label Studio: its waiting questions as tasks, and the annotations back as labels.

    python -m pipelines.review export FILE [--blind]
    python -m pipelines.review import FILE [--reviewer NAME]

FILE is in Label Studio's JSON format of tasks (https://labelstud.io/guide/task_format). `export` writes a task for each
question that waits, with the version's answer as its prediction; `--blind` leaves the predictions out, since Label
Studio shows them beside the text, and who sees an answer first tends to agree. `import` reads what Label Studio exports
as JSON: each annotation becomes a label, with the question's reason for being asked; a cancelled one skips the
question. A label is stored under NAME and the annotator's number, as `label-studio-7`. The same file may be imported
again.

The labeling interface of the project:

    <View>
      <Text name="text" value="$text"/>
      <Choices name="label" toName="text" choice="single"> <Choice value="ham"/> <Choice value="spam"/> </Choices>
    </View>

The store is read and written through `python -m bentos export review` and `python -m bentos label`, and so its settings
are the service's.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pipelines import stage
from registry import command
from registry.service_export import exported

FROM, TO = "label", "text"  # the names in the labeling interface
REVIEWER = "label-studio"
NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,47}")


class ReviewError(Exception):
    """The queue or the file cannot be used; the message says which and why."""


class Question(NamedTuple):
    """A row of `python -m bentos export review`."""

    id: str
    text: str
    version: str
    label: str
    probability: float
    reason: str
    state: str
    answer: str
    reviewer: str
    called_at: str


class Label(NamedTuple):
    """A row for `python -m bentos label`; an empty label skips the question."""

    id: str
    label: str
    reviewer: str


def export_tasks(path: Path, blind: bool) -> str:
    """Write the waiting questions as tasks; returns a summary. Raises ReviewError, OSError."""
    tasks = [_task(question, blind) for question in _questions() if question.state == "waiting"]
    part = path.with_name(f".{path.name}.part")
    part.write_text(json.dumps(tasks, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(path)
    return f"{len(tasks)} tasks in {path}"


def _questions() -> Iterator[Question]:
    outcome = yield from exported(Question, "review")
    if outcome.status:
        raise ReviewError(outcome.error)


def _task(question: Question, blind: bool) -> dict[str, Any]:
    """A task of Label Studio. Its `data` keeps what finds the question again, whatever number the task gets there."""
    data = {"text": question.text, "question": question.id, "reason": question.reason, "called_at": question.called_at}
    result = {"from_name": FROM, "to_name": TO, "type": "choices", "value": {"choices": [question.label]}}
    prediction = {"model_version": question.version, "score": question.probability, "result": [result]}
    return {"data": data} | ({} if blind else {"predictions": [prediction]})


def import_annotations(path: Path, reviewer: str) -> str:
    """Store the annotations as labels; returns a summary. Raises ReviewError, OSError.

    Of a file that cannot be used, nothing is stored.
    """
    labels = labels_in(path, reviewer)
    rows = "".join(json.dumps(label._asdict()) + "\n" for label in labels)
    done = subprocess.run(
        [sys.executable, "-m", "bentos", "label"], input=rows, capture_output=True, text=True, encoding="utf-8"
    )
    if done.returncode:
        raise ReviewError(done.stderr.rpartition("error: ")[2].strip())
    counts = json.loads(done.stdout)
    others = {"before": "stored before", "unknown": "on questions that are not there any more"}
    more = "".join(f"; {counts[name]} {words}" for name, words in others.items() if counts[name])
    return f"{counts['labelled']} labels stored, {counts['skipped']} questions skipped{more}"


def labels_in(path: Path, reviewer: str) -> list[Label]:
    """The labels of a file that Label Studio exported as JSON. Raises ReviewError, OSError."""
    if not NAME.fullmatch(reviewer):
        raise ReviewError("a reviewer's name is a letter, then up to 47 letters, digits, `.`, `_` or `-`")
    try:
        tasks = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise ReviewError(f"{path} is no JSON: {error}") from error
    if not isinstance(tasks, list):
        raise ReviewError(f"{path} is no list of tasks: export from Label Studio as JSON")
    labels: list[Label] = []
    for number, task in enumerate(tasks, start=1):
        try:
            question = task["data"]["question"]
            annotations = task.get("annotations", [])
            labels += [_label(question, annotation, reviewer) for annotation in annotations]
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            what = f"{type(error).__name__}: {error}"
            raise ReviewError(f"{path}, task {number} is none that `export` wrote, annotated: {what}") from error
    return labels


def _label(question: str, annotation: dict[str, Any], reviewer: str) -> Label:
    """Raises ValueError for an annotation of more than one label, KeyError or TypeError for what is none."""
    if annotation.get("was_cancelled") or not annotation["result"]:
        return Label(question, "", _name(annotation, reviewer))
    values = [part["value"]["choices"] for part in annotation["result"] if part["from_name"] == FROM]
    if len(values) != 1 or len(values[0]) != 1 or not isinstance(values[0][0], str):
        raise ValueError(f"an annotation needs one choice of `{FROM}`")
    return Label(question, values[0][0], _name(annotation, reviewer))


def _name(annotation: dict[str, Any], reviewer: str) -> str:
    """The reviewer and the annotator's number, which is all that is kept of who that is."""
    by = annotation.get("completed_by")
    number = by.get("id") if isinstance(by, dict) else by
    return f"{reviewer}-{number}" if type(number) is int else reviewer


def main() -> None:
    parser = stage.parser("review", __doc__, "export tasks.json")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    sentence = "Write the questions that wait as tasks of Label Studio."
    export = verbs.add_parser("export", help=sentence, description=sentence)
    export.add_argument("--blind", action="store_true", help="without the versions' answers")
    sentence = "Store the annotations in a file that Label Studio exported as JSON."
    import_ = verbs.add_parser("import", help=sentence, description=sentence)
    import_.add_argument("--reviewer", metavar="NAME", default=REVIEWER, help=f"under which name; default: {REVIEWER}")
    for verb in (export, import_):
        verb.add_argument("file", metavar="FILE", type=Path, help="in Label Studio's JSON format")
    args = parser.parse_args()
    try:
        done = (
            export_tasks(args.file, args.blind)
            if args.verb == "export"
            else import_annotations(args.file, args.reviewer)
        )
        print("review:", done)
    except (ReviewError, OSError) as error:
        sys.exit(f"review: {error}")


if __name__ == "__main__":
    command.run(main)
