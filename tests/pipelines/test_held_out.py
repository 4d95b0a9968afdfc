"""Folds, and running them."""

import os
import signal
import time
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from dask.distributed import LocalCluster

from pipelines import held_out
from pipelines.measure import crossval_record
from tests.pipelines.small import HAM, SPAM, split, variant

PREPARED = Path(__file__).parents[2] / "build/prepared"


@pytest.fixture(scope="module")
def messages():
    return crossval_record.messages(PREPARED, ["sms"])


@pytest.fixture(scope="module")
def drawn(messages):
    return list(held_out.draw_folds(messages, repeats=2, seed=42))


def test_near_twins_are_never_on_both_sides_of_a_fold(messages, drawn):
    for _, _, rest, held in drawn:
        assert not set(messages.groups[rest]) & set(messages.groups[held])


def test_each_repeat_holds_out_every_message_once_with_its_labels_spread_evenly(messages, drawn):
    for repeat in range(2):
        held = [part for number, _, _, part in drawn if number == repeat]
        assert sorted(np.concatenate(held)) == list(range(len(messages.ids)))
        shares = [messages.actual[part].mean() for part in held]
        assert max(shares) - min(shares) < 0.02
    assert [sorted(d[3]) for d in drawn[:5]] != [sorted(d[3]) for d in drawn[5:]]


def baseline_tasks(split, out, repeats=1, seed=42):
    return held_out.tasks("baseline", None, split, list(held_out.draw_folds(split, repeats, seed)), out)


def scores(tasks, split):
    rows = held_out.predictions(tasks, split)
    return {(name, row.repeat, row.fold): row.scores.tolist() for name in rows for row in rows[name]}


def test_what_was_run_is_not_run_again_and_what_changed_is(tmp_path, capsys):
    small = split(HAM, SPAM)
    tasks = baseline_tasks(small, tmp_path)
    held_out.run(tasks[:3], small, positive=1, jobs=1)
    assert capsys.readouterr().out.count("fold") == 3
    held_out.run(tasks, small, positive=1, jobs=1)
    assert "crossval: 2/2: baseline, repeat 0, fold 4" in capsys.readouterr().out
    first = scores(tasks, small)
    held_out.run(tasks, small, positive=1, jobs=1)
    assert capsys.readouterr().out == "" and scores(tasks, small) == first
    held_out.run(baseline_tasks(small, tmp_path, seed=43), small, positive=1, jobs=1)
    assert capsys.readouterr().out.count("fold") == 5


def test_a_dask_cluster_that_loses_a_worker_gives_the_same_bits_as_this_process(tmp_path, messages):
    """Keras draws its seeds from a generator that a worker's other threads use: that once changed a network's bits."""
    words = split(HAM, SPAM)
    some = messages.part(np.flatnonzero(messages.groups % 3 == 0))

    def tasks(place):
        folds = list(held_out.draw_folds(words, 1, 42))[:2]
        return held_out.tasks("network", variant(), words, folds, place), baseline_tasks(some, place)

    networks, baselines = tasks(tmp_path / "here")
    held_out.run(networks, words, positive=1, jobs=1)
    held_out.run(baselines, some, positive=1, jobs=1)
    remote_networks, remote_baselines = tasks(tmp_path / "there")
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        victim = next(iter(cluster.workers.values())).process.pid
        kill = Thread(target=_kill_after_the_first, args=(remote_baselines, victim))
        kill.start()
        held_out.run(remote_baselines, some, positive=1, dask=cluster.scheduler_address)
        kill.join()
        held_out.run(remote_networks, words, positive=1, dask=cluster.scheduler_address)
    assert scores(remote_baselines, some) == scores(baselines, some)
    assert scores(remote_networks, words) == scores(networks, words)


def _kill_after_the_first(tasks, process):
    while not any(task.file.exists() for task in tasks):
        time.sleep(0.01)
    assert not all(task.file.exists() for task in tasks)
    os.kill(process, signal.SIGKILL)


def test_a_scheduler_that_does_not_answer_is_an_error(tmp_path):
    small = split(HAM, SPAM)
    with pytest.raises(held_out.ClusterError, match=r"no Dask scheduler answers at tcp:..127\.0\.0\.1:1"):
        held_out.run(baseline_tasks(small, tmp_path), small, positive=1, dask="tcp://127.0.0.1:1")
