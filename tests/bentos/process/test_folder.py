"""The folder that a service's processes share."""

import subprocess
import sys
from pathlib import Path

from bentos.process.folder import WorkerPlace


def test_it_is_gone_when_the_process_that_made_it_has_ended():
    program = "from bentos.process.folder import make_shared_folder as make; f = make(); (f / 'a').touch(); print(f)"
    folder = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()
    assert Path(folder).name.startswith("sms-spam-") and not Path(folder).exists()


def test_one_worker_knows_whether_another_has_ever_started(tmp_path):
    first, second = WorkerPlace(tmp_path, 1, 0), WorkerPlace(tmp_path, 2, 0)
    assert not second.any_started
    first.note_started()
    assert second.any_started
