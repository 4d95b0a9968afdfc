"""Rate limits that services count together in a real Redis: there, hung, killed, and back."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from bentos.callers.rate_limits import RateLimits
from bentos.callers.shared_counters import WAIT, SharedCounters
from bentos.errors import CallError
from bentos.monitoring.metrics import Metrics
from bentos.store.circuit_breaker import FAILURES
from tests.cassandra.certificates import Authority
from tests.redis_server import PASSWORD, Redis, need_redis
from tests.server import PATIENCE, Server
from tests.system.tools import get_json, metric, new_address, wait_until

pytestmark = pytest.mark.anyio
SHARED, FALLBACKS = "spam_rate_limits_shared", "spam_rate_limit_fallbacks_total"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def redis() -> Iterator[Redis]:
    """One that every test leaves running and answering."""
    need_redis()
    with Redis() as redis:
        yield redis


@pytest.fixture
def patient(monkeypatch) -> None:
    """No call goes around Redis, however busy the machine."""
    monkeypatch.setattr("bentos.callers.shared_counters.WAIT", 30.0)


@asynccontextmanager
async def worker(url: str, limits: str) -> AsyncIterator[RateLimits]:
    """The rate limits of one worker."""
    shared = SharedCounters(url, Metrics())
    await shared.start()
    probing = asyncio.create_task(shared.run())
    try:
        yield RateLimits(limits, shared)
    finally:
        probing.cancel()
        await shared.close()


async def allowed(rate_limits: RateLimits, caller: str, calls: int, texts: int = 1) -> int:
    """How many of the calls are not refused."""
    return [await refusal(rate_limits, caller, texts) for _ in range(calls)].count(None)


async def refusal(rate_limits: RateLimits, caller: str, texts: int = 1) -> CallError | None:
    try:
        await rate_limits.count(caller, texts)
    except CallError as error:
        return error
    return None


def fallbacks(rate_limits: RateLimits) -> float:
    """Calls that the worker counted for itself."""
    return rate_limits.shared.metrics.registry.get_sample_value(FALLBACKS)


async def without_redis(rate_limits: RateLimits) -> bool:
    """Whether the worker counts one more call for itself."""
    before = fallbacks(rate_limits)
    await rate_limits.count(new_address())
    return fallbacks(rate_limits) > before


async def test_two_workers_have_one_limit_and_callers_their_own(redis, patient):
    caller, other = new_address(), new_address()
    async with worker(redis.url, "6/hour") as one, worker(redis.url, "6/hour") as two:
        assert [await allowed(one, caller, 4), await allowed(two, caller, 4)] == [4, 2]
        refused = await refusal(two, caller)
        assert refused.reason == "too_often" and 3_500 < refused.retry_after <= 3_600
        assert await allowed(two, other, 1) == 1


async def test_calls_at_once_do_not_pass_the_limit_together(redis, patient):
    caller = new_address()
    async with worker(redis.url, "20/hour;30/day") as one, worker(redis.url, "20/hour;30/day") as two:
        results = await asyncio.gather(*(allowed(worker, caller, 1) for worker in (one, two) * 30))
        assert sum(results) == 20


async def test_a_list_that_does_not_fit_leaves_room_for_what_fits(redis, patient):
    caller = new_address()
    async with worker(redis.url, "10/hour") as limits:
        assert [await allowed(limits, caller, 1, texts) for texts in (6, 6, 4, 1)] == [1, 0, 1, 0]


async def test_a_hung_redis_is_waited_for_a_little_a_few_times_and_then_not_asked(redis, caplog):
    async with worker(redis.url, "1000/hour") as limits:
        redis.pause()
        try:
            started = time.monotonic()
            assert await allowed(limits, new_address(), 500) == 500
            assert time.monotonic() - started < FAILURES * WAIT + 1
            assert fallbacks(limits) == 500 and "does not answer" in limits.problem
            ours = [record for record in caplog.records if record.name.startswith("bentos")]
            assert len(ours) == 2 and PASSWORD not in caplog.text  # that it is away, and what that means
        finally:
            redis.resume()
        async with asyncio.timeout(PATIENCE):  # until Redis counts again
            while await without_redis(limits):
                await asyncio.sleep(0.05)
        assert limits.problem == ""


async def test_a_wrong_password_is_told_and_the_worker_counts_for_itself(redis, caplog):
    async with worker(redis.url.replace(PASSWORD, "guessed"), "2/hour") as limits:
        assert await allowed(limits, new_address(), 4) == 2
        assert "password" in limits.problem and "guessed" not in limits.problem + caplog.text


async def test_over_tls_redis_is_trusted_by_its_authority_alone(tmp_path):
    need_redis()
    authority = Authority(tmp_path)
    with Redis(authority) as redis:
        async with worker(redis.url, "2/hour") as limits:
            assert limits.problem == "" and await allowed(limits, new_address(), 3) == 2
        async with worker(redis.url.partition("?")[0], "2/hour") as limits:
            assert "CERTIFICATE_VERIFY_FAILED" in limits.problem


def service(tmp_path, redis: Redis) -> Server:
    return Server(tmp_path, MOCK_MODEL="1", RATE_LIMIT="6/hour", RATE_LIMIT_STORAGE=redis.url)


def answered(server: Server, address: str, calls: int = 10) -> int:
    with server.client(address) as client:
        statuses = [client.post("/prediction", json={"text": "free"}).status_code for _ in range(calls)]
    assert set(statuses) <= {200, 429}
    return statuses.count(200)


def test_services_share_a_limit_while_redis_is_there_and_answer_without_it(redis, tmp_path):
    with service(tmp_path, redis) as one, service(tmp_path, redis) as two:
        services = (one, two)

        def in_all() -> tuple[int, float]:
            """A new caller's calls that the services let through, and those that they counted without Redis."""
            address, before = new_address(), sum(metric(server, FALLBACKS) for server in services)
            found = sum(answered(server, address) for server in services)
            return found, sum(metric(server, FALLBACKS) for server in services) - before

        def in_redis() -> int:
            """The calls let through, once a busy machine keeps none from Redis."""
            wait_until(lambda: all(metric(server, SHARED) for server in services))
            return wait_until(lambda: (counted := in_all())[1] == 0 and counted)[0]

        assert in_redis() == 6, "in all"
        redis.kill()
        try:
            assert [answered(server, new_address()) for server in services] == [6, 6]
            assert in_all() == (12, 20), "each counts for itself, and no call fails"
            assert any("rate limits" in problem for problem in get_json(one, "/")["problems"])
        finally:
            redis.start()
        assert in_redis() == 6
    assert all(PASSWORD not in server.log.read_text() for server in services)
