"""Ready means able to log, and it does not flap."""

import asyncio

import pytest

from bentos.answering import log_health
from bentos.answering.log_health import ENOUGH_SUCCESSES, LogHealth
from bentos.store import StoreError

pytestmark = pytest.mark.anyio


@pytest.fixture
def full_disk(store, monkeypatch):
    """Lets every write of the log fail until it is emptied."""
    write, full = store.log, [True]

    async def log(calls):
        if full:
            raise StoreError("cannot write spam.db: database or disk is full")
        await write(calls)

    monkeypatch.setattr(store, "log", log)
    return full


async def test_a_service_that_cannot_log_is_not_ready_and_says_why(client, full_disk, service):
    assert (await client.get("/readyz")).status_code == 200, "nothing has failed yet"
    assert (await client.get("/prediction", params={"text": "free"})).status_code == 503
    for path in ("/readyz", "/v2/health/ready"):
        response = await client.get(path)
        assert response.status_code == 503 and "calls cannot be logged now" in response.text
        assert "spam.db" not in response.text
    problems = (await client.get("/")).json()["problems"]
    assert problems == ["calls cannot be logged now: cannot write spam.db: database or disk is full"]
    assert "spam_ready 0.0" in (await client.get("/metrics")).text


async def test_it_is_ready_again_after_several_successes_in_a_row(client, full_disk, service):
    await client.get("/prediction", params={"text": "free"})
    for _ in range(ENOUGH_SUCCESSES - 1):
        full_disk.clear()
        await service.log_health.probe()
    full_disk.append(True)
    await service.log_health.probe()
    full_disk.clear()
    for _ in range(ENOUGH_SUCCESSES):
        assert (await client.get("/readyz")).status_code == 503
        await service.log_health.probe()
    assert (await client.get("/readyz")).status_code == 200
    assert (await client.get("/")).json()["problems"] == []


async def test_it_recovers_though_nobody_calls(store, full_disk, monkeypatch):
    monkeypatch.setattr(log_health, "PROBE_EVERY", 0.005)
    health = LogHealth(store)
    health.failed(StoreError("full"))
    task = asyncio.create_task(health.run())
    await asyncio.sleep(0.05)
    assert health.problem
    full_disk.clear()
    async with asyncio.timeout(20):
        while health.problem:
            await asyncio.sleep(0.005)
    task.cancel()


async def test_many_refusals_leave_few_lines(client, full_disk, caplog):
    for _ in range(100):
        await client.get("/prediction", params={"text": "free"})
    assert sum("not answered" in record.message for record in caplog.records) <= 1
