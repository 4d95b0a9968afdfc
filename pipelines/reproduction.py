"""`dvc repro` as an unattended run: one at a time, and the files as they were where it does not succeed."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.hashing import md5_of_file
from pipelines.up import stage_name
from registry.file_lock import file_lock

WORK = Path("build/retrain")
LOG = WORK / "retrain.log"
LOCK = WORK / "lock"
BEFORE = WORK / "before"  # copies of the files, while a run may change them, and the MD5 of what the run wrote
DVC_LOCK = Path("dvc.lock")
PATIENCE = 60.0  # seconds that an interrupted `dvc repro` has to end


class StepFailed(Exception):
    """A step failed; `step` is its name, the message says why."""

    def __init__(self, step: str, reason: object) -> None:
        self.step = step
        super().__init__(f"{step} failed: {reason}")


class Busy(Exception):
    """Another run has the lock."""


@contextmanager
def only_one() -> Iterator[int]:
    """Hold the lock, whose descriptor this gives. Raises Busy where another run has it."""
    WORK.mkdir(parents=True, exist_ok=True)
    with file_lock(LOCK) as lock:
        if lock is None:
            raise Busy("another retraining is running: nothing was done")
        yield lock


@contextmanager
def unchanged_on_failure(files: Collection[Path]) -> Iterator[None]:
    """What the block wrote, by `write` and `reproduce`, is taken back when it raises, also by Ctrl-C.

    Where this process is killed, `restore` does it at the start of the next run.
    """
    _back_up(files)
    try:
        yield
    except BaseException:
        restore(files)
        raise
    BEFORE.rename(done := BEFORE.with_suffix(".done"))
    shutil.rmtree(done)


def restore(files: Collection[Path]) -> bool:
    """Put back what a run that did not end well has written; False where there is none.

    A file that somebody else has changed since stays, and is printed.
    """
    if not BEFORE.exists():
        return False
    for file in files:
        copy, written = BEFORE / file.name, _note_of(file)
        if _digest(file) == _digest(copy):
            continue
        if not (written.exists() and written.read_text() == _digest(file)):
            print(f"retrain: {file} was changed meanwhile, and not by the run that failed: it stays as it is")
        elif copy.exists():
            replace(copy, file)
        else:
            file.unlink(missing_ok=True)
    shutil.rmtree(BEFORE)
    return True


def write(source: Path, target: Path) -> None:
    """`replace`, in a run that may have to take it back. The note comes first: a kill may come between the two."""
    _note_of(target).write_text(_digest(source))
    replace(source, target)


def note(file: Path) -> None:
    """The run has written the file as it is now."""
    _note_of(file).write_text(_digest(file))


def _note_of(file: Path) -> Path:
    return BEFORE / f"{file.name}.md5"


def _digest(file: Path) -> str:
    """Empty where there is no file."""
    return md5_of_file(file) if file.exists() else ""


def _back_up(files: Collection[Path]) -> None:
    """Copies that are all there, or none: the folder gets its name last."""
    for folder in (part := BEFORE.with_suffix(".part"), BEFORE.with_suffix(".done")):
        shutil.rmtree(folder, ignore_errors=True)
    part.mkdir()
    for file in files:
        if file.exists():
            shutil.copyfile(file, part / file.name)
    part.rename(BEFORE)


def replace(source: Path, target: Path) -> None:
    """Copy the file in one step, so that nobody reads a half of it."""
    part = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.copyfile(source, part)
    part.replace(target)


def reproduce(lock: int) -> None:
    """Run `dvc repro`, print the stages that run, and log all that it says. It is interrupted with this process.

    DVC says that it updates dvc.lock just before it does: what it wrote is there when the next line comes.
    Raises StepFailed.
    """
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])  # a stage is `python -m ...`
    process = subprocess.Popen(
        [sys.executable, "-m", "dvc", "repro"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"PATH": path},
        process_group=0,  # its own, with its stages: all of them get the signal of `_interrupt`
        pass_fds=[lock],  # where this process is killed, the lock lasts until `dvc repro` has ended
    )
    updates = False
    try:
        with LOG.open("a", buffering=1) as log:  # a line at a time, for who watches it
            for line in process.stdout:
                log.write(line)
                if updates:
                    note(DVC_LOCK)
                updates = line.startswith(("Updating lock file", "Generating lock file"))
                if stage := stage_name(line.rstrip()):
                    print(f"  {stage}", flush=True)
        status = process.wait()
        if updates:
            note(DVC_LOCK)
    except BaseException:
        _interrupt(process)
        raise
    if status:
        raise StepFailed("dvc repro", f"it ended with status {status}, and {LOG} says why")


def _interrupt(process: subprocess.Popen[str]) -> None:
    """Let it end as after Ctrl-C: its stages tidy up."""
    try:
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    except ProcessLookupError:  # it has ended
        process.communicate()
