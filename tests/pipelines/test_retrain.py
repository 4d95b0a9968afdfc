"""A retraining in a small project: a real `dvc repro`, whose one stage registers a toy as a version."""

import csv
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from bentos.store import Call, Correction, timeuuid
from bentos.store.sqlite.store import SQLiteStore
from pipelines.reproduction import BEFORE, WORK, _back_up, note, restore, write
from pipelines.retrain import Found, Limits, main, reason, reason_against
from registry import notify
from registry.model.evaluation import EvaluationDetails
from registry.model.profile import profile_of
from registry.outbox import Outbox
from registry.versions import Registry
from tests.receiver import SECRET, Receiver
from tests.registry.conftest import THRESHOLDS
from tests.toyregistry import MODEL_NAME, make_registry

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[2]
CHANGED = ("feedback.csv", "dvc.lock")
HAND = "text,label\nlet in by hand,ham\n"
STAGE = {"cmd": "python train.py", "deps": ["feedback.csv"], "outs": ["trained"]}
TRAIN = """
import os, signal, sys
from pathlib import Path
rows = Path("feedback.csv").read_text().count(chr(10))
Path("trained").write_text(str(rows))
if Path("wait").exists():
    Path("waiting").touch()
    signal.pause()
if Path("fail").exists():
    print("the text that somebody wrote")
    sys.exit(3)
if uri := os.environ.get("REGISTERED_IN"):
    from tests.toyregistry import add_version
    add_version(Path.cwd(), uri, -10.0 - rows, wrong=int(Path("wrong").read_text()))
"""


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A project of DVC without git, trained once."""
    folder = tmp_path_factory.mktemp("project")
    content = yaml.safe_load((ROOT / "params.yaml").read_text())
    content["prepare"]["feedback"] = "feedback.csv"
    content["gate"] = THRESHOLDS.model_dump()
    (folder / "params.yaml").write_text(yaml.safe_dump(content))
    (folder / "train.py").write_text(TRAIN)
    (folder / "feedback.csv").write_text(HAND)
    (folder / "wrong").write_text("0")
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"train": STAGE}}))
    for words in (["init", "--no-scm", "-q"], ["repro", "-q"]):
        subprocess.run([sys.executable, "-m", "dvc", *words], cwd=folder, check=True)
    return folder


@pytest.fixture
def project(template, tmp_path, monkeypatch):
    """A copy of it as the current folder, with a champion; notifications wait in its outbox."""
    folder = tmp_path / "project"
    shutil.copytree(template, folder, symlinks=True)
    uri = make_registry(folder)
    monkeypatch.chdir(folder)
    settings = {
        "PYTHONPATH": str(ROOT),
        "MLFLOW_TRACKING_URI": uri,
        "REGISTERED_IN": uri,
        "SQLITE_PATH": str(folder / "spam.db"),
        "NOTIFY_URL": "http://127.0.0.1:1/in",
        "NOTIFY_SECRET": SECRET,
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(notify, "start_delivery", lambda settings: None)
    return folder


@pytest.fixture
def run(project, monkeypatch, capsys):
    """`python -m pipelines.retrain WORDS` without a process of its own: its status and what it printed."""
    before = signal.getsignal(signal.SIGTERM)

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["retrain", *words])
        status = 0
        try:
            main()
        except SystemExit as end:
            status = end.code
        printed = capsys.readouterr()
        return (1, printed.out + status) if isinstance(status, str) else (status, printed.out + printed.err)

    yield run
    signal.signal(signal.SIGTERM, before)


async def correct(folder, *rows):
    """Corrections of (text, label, reason)."""
    store = await SQLiteStore.open(folder / "spam.db")
    await store.correct([Correction("ann", timeuuid.now(), text, label, why) for text, label, why in rows])
    await store.close()


def reviewed(*texts):
    return [(text, "spam", "random") for text in texts]


def rows(folder):
    with open(folder / "feedback.csv", newline="") as file:
        return [(row["text"], row["label"], row.get("reason", "")) for row in csv.DictReader(file)]


def files(folder):
    return {name: (folder / name).read_bytes() if (folder / name).exists() else None for name in CHANGED}


def told(folder):
    return [row.kind for row in Outbox(folder / "notify.db")._all("waiting")]


def versions(folder):
    return {v.number: v.aliases for v in Registry(MODEL_NAME, f"sqlite:///{folder / 'mlflow.db'}").versions()}


async def test_it_waits_for_enough_reviewed_texts_and_then_trains_once(project, run):
    trained = files(project)
    await correct(project, *reviewed("one", "two"), *((f"caller's {i}", "ham", "") for i in range(5)))
    assert run("--corrections", "3") == (0, "retrain: nothing to do: 2 new texts of 3\n")
    assert files(project) == trained and told(project) == []

    await correct(project, *reviewed("three"))
    status, said = run("--corrections", "3", "--promote")
    assert status == 0 and "3 new texts" in said and "  train\n" in said and "registered version 3;" in said
    learnt = [(text, "spam", "random") for text in ("one", "two", "three")]
    assert sorted(rows(project)) == sorted([*learnt, ("let in by hand", "ham", "")])
    assert versions(project) == {"3": ("champion",), "2": (), "1": ("challenger",)}
    assert told(project) == ["retrained", "promote"]
    assert run("--corrections", "1") == (0, "retrain: nothing to do: 0 new texts of 1\n")
    assert {path.name for path in WORK.iterdir()} == {"lock", "retrain.log"}

    assert "5 new texts of 6" in run("--corrections", "6", "--unreviewed")[1]


async def test_what_fails_is_said_and_told_and_the_next_run_tries_again(project, run):
    await correct(project, *reviewed("one"))
    before = files(project)
    (project / "fail").touch()
    status, said = run("--corrections", "1", "--promote")
    assert status == 1 and "dvc repro failed: it ended with status" in said and "somebody wrote" not in said
    assert "somebody wrote" in (WORK / "retrain.log").read_text()
    assert files(project) == before and told(project) == ["retraining_failed"] and len(versions(project)) == 2
    (project / "fail").unlink()
    assert run("--corrections", "1")[0] == 0 and len(versions(project)) == 3
    (project / "spam.db").write_text("not a database " * 100)
    status, said = run("--corrections", "1")
    assert status == 1 and "collect failed" in said and told(project)[-1] == "retraining_failed"


async def test_the_gate_may_refuse_what_was_trained(project, run):
    await correct(project, *reviewed("one"))
    (project / "wrong").write_text("30")
    status, said = run("--corrections", "1", "--promote")
    assert status == 1 and "version 3 was not promoted: mcc" in said and told(project) == ["retrained", "refuse"]
    assert versions(project)["1"] == ("champion",) and len(rows(project)) == 2


async def test_two_at_once_and_ctrl_c(project, run):
    await correct(project, *reviewed("one"))
    before = files(project)
    (project / "wait").touch()
    command = [sys.executable, "-m", "pipelines.retrain", "--corrections", "1"]
    first = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    wait_for(lambda: (project / "waiting").exists(), first)
    assert files(project) != before
    status, said = run("--corrections", "1")
    assert status == 1 and "another retraining is running" in said
    first.send_signal(signal.SIGINT)
    printed = first.communicate(timeout=60)[0]
    assert first.returncode == 130 and "Traceback" not in printed, printed
    assert files(project) == before and told(project) == [] and not BEFORE.exists()


def wait_for(condition, process):
    deadline = time.monotonic() + 60
    while not condition() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert condition(), process.communicate()


def begin(feedback, lock):
    """What a run has done when it is killed: a new corpus, and a stage in a dvc.lock that was not there."""
    WORK.mkdir(parents=True)
    lock.unlink()
    _back_up((feedback, lock))
    (feedback.parent / "collected").write_text("text,label\nnew,ham\n")
    write(feedback.parent / "collected", feedback)
    lock.write_text("half")
    note(lock)


def test_a_run_that_was_killed_is_undone_by_the_next_one(project):
    feedback, lock = project / "feedback.csv", project / "dvc.lock"
    begin(feedback, lock)
    assert restore((feedback, lock)) and feedback.read_text() == HAND and not lock.exists()
    assert not restore((feedback, lock))


@pytest.mark.parametrize("edited", CHANGED)
def test_what_a_person_changed_after_a_kill_stays(project, capsys, edited):
    feedback, lock = project / "feedback.csv", project / "dvc.lock"
    begin(feedback, lock)
    with open(project / edited, "a") as file:
        file.write("by hand,ham\n")
    theirs = (project / edited).read_bytes()
    assert restore((feedback, lock)) and (project / edited).read_bytes() == theirs
    assert f"{edited} was changed" in capsys.readouterr().out
    assert (feedback.read_text() == HAND, lock.exists()) == (edited == "dvc.lock", edited == "dvc.lock")


async def test_what_a_person_changes_during_a_run_that_fails_stays(project, run):
    stages = yaml.safe_load((project / "dvc.yaml").read_text())
    stages["stages"]["last"] = {"cmd": "echo 'late,ham' >> feedback.csv && false", "deps": ["trained"]}
    (project / "dvc.yaml").write_text(yaml.safe_dump(stages))
    await correct(project, *reviewed("one"))
    before = files(project)
    status, said = run("--corrections", "1")
    assert status == 1 and "feedback.csv was changed" in said and "dvc.lock was changed" not in said
    assert {"one", "late"} < {text for text, *_ in rows(project)}
    assert "  last\n" in said and files(project)["dvc.lock"] == before["dvc.lock"]


async def test_drift_of_the_champion_s_calls_without_anything_new(project, run, monkeypatch):
    registry = Registry(MODEL_NAME, f"sqlite:///{project / 'mlflow.db'}")
    champion = registry.resolve("champion")
    details = registry.folder(champion) / "evaluation" / "details.json"
    ham, spam = ("ham", "see you at home later"), ("spam", "win a prize, call now " * 7)
    EvaluationDetails(training=profile_of([ham] * 870 + [spam] * 130)).write(details)
    store = await SQLiteStore.open(project / "spam.db")
    await store.log([Call("ann", timeuuid.now(), spam[1], champion.key, "spam", False, 0.9) for _ in range(200)])
    await store.close()
    with Receiver() as receiver:
        monkeypatch.setenv("NOTIFY_URL", receiver.url)
        status, said = run("--corrections", "50", "--drift", ".2")
        assert status == 0 and "0 new texts of 50; the champion has drifted" in said
        assert receiver.next().message["action"] == "drift" and receiver.refused == []


def test_the_reasons():
    limits = Limits(50, 0.2)
    assert reason(Found(50, None), limits) == "50 new texts" and reason(Found(49, 0.1), limits) == ""
    assert reason(Found(1, 0.2), limits) == "a drift of 0.200, and 1 new texts"
    assert reason(Found(0, 0.9), limits) == "" and reason(Found(10_000, 0.1), Limits(None, 0.2)) == ""
    assert "0.100 of 0.2" in reason_against(Found(1, 0.1), limits)
    assert "not known" in reason_against(Found(1, None), limits)


def test_one_limit_is_needed(run):
    assert run()[0] == 2 and run("--corrections", "0")[0] == 2 and run("--drift", "nan")[0] == 2
