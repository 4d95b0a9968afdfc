"""Many requests share one write, whoever of them comes, goes or fails."""

import asyncio
import random

import pytest

from bentos.store import group_commit
from bentos.store.group_commit import GroupCommit

pytestmark = pytest.mark.anyio


class Disk:
    """Remembers the groups; a write ends when `free` is set."""

    def __init__(self):
        self.groups, self.free, self.under_way, self.most = [], asyncio.Event(), 0, 0

    async def write(self, group):
        self.groups.append(group)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await self.free.wait()
            if "bad" in group:
                raise OSError("full")
        finally:
            self.under_way -= 1


async def test_what_arrives_during_a_write_is_the_next_group():
    disk = Disk()
    commit = GroupCommit(disk.write)
    first = [asyncio.create_task(commit.add(item)) for item in "ab"]
    await asyncio.sleep(0.01)
    later = [asyncio.create_task(commit.add(item)) for item in "cde"]
    await asyncio.sleep(0.01)
    assert disk.groups == [["a", "b"]]
    disk.free.set()
    await asyncio.gather(*first, *later)
    assert disk.groups == [["a", "b"], ["c", "d", "e"]]


async def test_a_failure_is_told_to_its_own_group_alone_and_a_request_that_goes_takes_nothing_with_it():
    disk = Disk()
    commit = GroupCommit(disk.write)
    failing = [asyncio.create_task(commit.add(item)) for item in ("bad", "gone")]
    await asyncio.sleep(0.01)
    fine = asyncio.create_task(commit.add("fine"))
    failing.pop().cancel()
    await asyncio.sleep(0.01)
    disk.free.set()
    with pytest.raises(OSError, match="full"):
        await failing[0]
    await fine
    await commit.add("after")
    assert disk.groups == [["bad", "gone"], ["fine"], ["after"]]


@pytest.mark.parametrize("parallel", [1, 3])
async def test_every_item_is_written_once_whenever_it_comes(parallel, monkeypatch):
    monkeypatch.setattr(group_commit, "GROUP", 4)
    disk, chosen = Disk(), random.Random(1)
    disk.free.set()
    real = disk.write

    async def write(group):
        await real(group)
        for _ in range(chosen.randrange(3)):
            await asyncio.sleep(0)

    commit = GroupCommit(write, parallel)

    async def client(n):
        for i in range(50):
            await commit.add((n, i))
            for _ in range(chosen.randrange(3)):
                await asyncio.sleep(0)

    async with asyncio.timeout(10):
        await asyncio.gather(*(client(n) for n in range(20)))
        await commit.close()
    written = [item for group in disk.groups for item in group]
    assert sorted(written) == [(n, i) for n in range(20) for i in range(50)]
    assert all(0 < len(group) <= 4 for group in disk.groups) and disk.most <= parallel


async def test_closing_waits_for_what_was_added():
    disk = Disk()
    commit = GroupCommit(disk.write)
    adding = asyncio.create_task(commit.add("a"))
    await asyncio.sleep(0)
    closing = asyncio.create_task(commit.close())
    await asyncio.sleep(0.01)
    assert not closing.done()
    disk.free.set()
    await closing
    await adding
