"""The spool: what was added is there, in order, whatever becomes of the process."""

import asyncio
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bentos.store import Call, Correction, timeuuid
from bentos.store.spool import OLD_CALLS, OLD_CORRECTIONS, Spool, SpoolError
from tests.cassandra.client import a_call

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[3]
ADD_FOREVER = """
import asyncio, sys
from pathlib import Path
from bentos.store.spool import Spool
from tests.cassandra.client import a_call

async def main():
    spool = Spool(Path(sys.argv[1]))
    for i in range(int(sys.argv[3])):
        await spool.add([a_call(f"{i} first", sys.argv[2]), a_call(f"{i} second", sys.argv[2])])
        print(i, flush=True)

asyncio.run(main())
"""


@pytest.fixture
async def spool(tmp_path, anyio_backend):
    spool = Spool(tmp_path / "spool.db")
    yield spool
    await spool.close()


def adding(spool: Spool, caller: str, times: int) -> subprocess.Popen:
    """A process that adds pairs of calls and prints the number of each pair once it is added."""
    command = [sys.executable, "-c", ADD_FOREVER, spool.path, caller, str(times)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)


async def everything(spool: Spool) -> list[Call]:
    return (await spool.oldest(1_000_000))[0]


async def test_calls_come_out_in_the_order_they_went_in(spool):
    calls = [a_call(f"text {i} 🎁") for i in range(100)]
    await asyncio.gather(*(spool.add(calls[i : i + 5]) for i in range(0, 100, 5)))
    first, mark = await spool.oldest(30)
    assert first == calls[:30]
    await spool.remove(mark)
    assert await spool.count() == 70
    assert await everything(spool) == calls[30:]


async def test_an_empty_spool_has_nothing(spool):
    assert await spool.oldest(10) == ([], 0)
    assert await spool.count() == 0


async def test_what_a_killed_process_had_added_is_there(spool):
    process = adding(spool, "killed", 1_000_000)
    for _ in range(50):
        told = process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    told = (process.stdout.read().split() or [told])[-1]  # it may have told more before it died
    process.wait()
    texts = [call.input for call in await everything(spool)]
    assert texts[: 2 * int(told) + 2] == [f"{i} {which}" for i in range(int(told) + 1) for which in ("first", "second")]
    assert len(texts) % 2 == 0


async def test_processes_that_add_at_once_lose_nothing(spool):
    processes = [adding(spool, f"caller {n}", 50) for n in range(4)]
    for process in processes:
        process.communicate()
    assert [process.returncode for process in processes] == [0] * 4
    calls = await everything(spool)
    for n in range(4):
        texts = [call.input for call in calls if call.caller_id == f"caller {n}"]
        assert texts == [f"{i} {which}" for i in range(50) for which in ("first", "second")]


async def test_one_process_at_a_time_takes_out(spool):
    other = Spool(spool.path)
    with spool.replaying() as mine:
        assert mine
        with other.replaying() as theirs:
            assert not theirs
    with other.replaying() as theirs:
        assert theirs
    await other.close()


async def test_a_spool_that_cannot_be_written_says_which_and_works_once_it_can(tmp_path):
    spool = Spool(tmp_path / "missing" / "spool.db")
    with pytest.raises(SpoolError, match=r"missing/spool\.db"):
        await spool.add([a_call()])
    with pytest.raises(SpoolError, match=r"missing/spool\.db"), spool.replaying():
        pass
    (tmp_path / "missing").mkdir()
    await spool.add([a_call("kept")])
    assert [call.input for call in await everything(spool)] == ["kept"]
    await spool.close()


async def test_a_file_that_is_no_spool_is_left_alone(tmp_path):
    (tmp_path / "letter.txt").write_text("not a database " * 100)
    spool = Spool(tmp_path / "letter.txt")
    with pytest.raises(SpoolError, match="not a database"):
        await spool.add([a_call()])
    await spool.close()
    assert (tmp_path / "letter.txt").read_text() == "not a database " * 100


async def test_rows_that_an_older_release_left_are_taken_out_too(tmp_path):
    old = Spool(tmp_path / "spool.db")
    calls, correction = [a_call("one"), a_call("two")], Correction("ann", timeuuid.now(), "hi", "spam")
    for call in calls:
        await old.add([call], OLD_CALLS)
    await old.add([correction], OLD_CORRECTIONS)
    await old.close()
    spool = Spool(tmp_path / "spool.db")
    assert await spool.count() == 3
    assert (await spool.oldest(10, OLD_CALLS))[0] == calls
    assert (await spool.oldest(10, OLD_CORRECTIONS))[0] == [correction]
    await spool.close()


async def test_a_row_comes_out_with_all_its_fields(spool):
    call = replace(a_call("one"), probability=0.75, alias="canary", source="shadow")
    await spool.add([call])
    assert await everything(spool) == [call]
