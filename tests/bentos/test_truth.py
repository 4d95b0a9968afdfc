"""Whatever happens around the service, no answer differs from a fresh computation by the version that it names, and
every answered call is in the log, once and in order: Hypothesis tries to find a way, on a real Cassandra node.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from bentos.answering.log_health import LogHealth
from bentos.answering.memory_cache import MemoryCache
from bentos.answering.model_pool import ModelPool
from bentos.answering.own_labels import OwnLabels
from bentos.answering.predictor import Predictor
from bentos.monitoring.metrics import Metrics
from bentos.store import StoreError
from bentos.store.cassandra.schema import migrate
from bentos.store.cassandra.store import open_store
from bentos.versions.loaded import LoadedVersion, ServedVersions
from registry.model.artifact import Artifact
from registry.versions import Version
from tests.cassandra.client import settings_for, until
from tests.toy import write_toy

pytestmark = pytest.mark.timeout(900)

CREATED_AT = datetime(2030, 1, 1, tzinfo=UTC)
TEXTS = ["free", "lunch at home", "win a prize 🎁", "win " * 2_400, "été"]
REFS = st.sampled_from(["champion", "1", "2", "3"])
BIASES = (-4.0, -2.0, -1.0, 0.5, 2.0)
CACHE_TTL = 1  # seconds


class Service(RuleBasedStateMachine):
    """A predictor on a database; `expected` is the dictionary that it is held against."""

    def __init__(self, node, options, artifacts):
        super().__init__()
        self.node, self.artifacts = node, artifacts
        self.runner = asyncio.Runner()
        self.store = self.runner.run(open_store(options))
        own_labels = OwnLabels(self.store)
        pool, health = ModelPool(60), LogHealth(self.store)
        memory = MemoryCache(500, CACHE_TTL)  # two predictions: the others come from the database
        self.predictor = Predictor(self.store, Metrics(), pool, health, own_labels, memory, lambda *answered: None)
        self.caller = uuid4().hex
        self.expected = []  # (input, version key, label) of every answered call
        self.down, self.kills = None, 0
        self.register(range(3))

    def register(self, chosen):
        """A registry numbered from 1, whatever had those numbers before."""
        self.models = {str(n): self.artifacts[i] for n, i in enumerate(chosen, 1)}
        self.promoted = ["1"]

    @property
    def served(self):
        return ServedVersions(tuple(self.load(number, model) for number, model in self.models.items()))

    def load(self, number, model):
        aliases = ("champion",) * (number == self.promoted[-1])
        return LoadedVersion(Version(number, aliases, model.digest, "toy", CREATED_AT, {}), model)

    @rule(texts=st.lists(st.sampled_from(TEXTS), min_size=1, max_size=4), ref=REFS, skip_cache=st.booleans())
    def predict(self, texts, ref, skip_cache):
        version = self.served.by_ref[ref]
        answers = self.runner.run(self.predictor.answer(version, texts, self.caller, skip_cache))
        assert [answer.input for answer in answers] == texts
        assert [answer.prediction for answer in answers] == version.model.predict(texts)
        self.expected += [(answer.input, version.key, answer.label) for answer in answers]

    @rule(number=st.sampled_from("123"))
    def promote(self, number):
        self.promoted.append(number)

    @precondition(lambda self: len(self.promoted) > 1)
    @rule()
    def roll_back(self):
        self.promoted.pop()

    @rule(chosen=st.permutations(range(len(BIASES))))
    def wipe_the_registry(self, chosen):
        self.register(chosen[:3])

    @rule()
    def expire(self):
        self.runner.run(asyncio.sleep(CACHE_TTL + 0.1))

    @precondition(lambda self: self.down is None)
    @rule()
    def hang_the_database(self):
        self.node.pause()
        self.down = self.node.resume

    @precondition(lambda self: self.down is None and self.kills < 1)
    @rule()
    def kill_the_database(self):
        self.node.kill()
        self.down, self.kills = self.node.start, self.kills + 1

    @precondition(lambda self: self.down is not None)
    @rule()
    def restore_the_database(self):
        self.down()
        self.down = None

    def teardown(self):
        if self.down:
            self.restore_the_database()
        try:
            self.runner.run(until(lambda: self.store.state()["up"] and not self.store.state()["spooled"], 60))
            assert self.runner.run(self._logged()) == self.expected
        finally:
            self.runner.run(self.store.close())
            self.runner.close()

    async def _logged(self):
        this_hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        hours = (this_hour - timedelta(hours=1), this_hour)  # the example may have begun before the clock struck
        async with asyncio.timeout(60):
            while True:  # after a kill the driver may have no connection for a moment, and the store not know it yet
                try:
                    calls = [call for hour in hours async for call in self.store.calls(self.caller, hour)]
                    return [(call.input, call.model_version, call.result) for call in calls]
                except StoreError:
                    await asyncio.sleep(0.1)


def test_no_answer_is_wrong_and_no_answered_call_is_lost(cassandra_node, keyspace, tmp_path):
    options = settings_for(cassandra_node, keyspace, tmp_path, cache_ttl=CACHE_TTL)
    migrate(options)
    artifacts = []
    for i, bias in enumerate(BIASES):
        write_toy(tmp_path / str(i), bias)
        artifacts.append(Artifact.load(tmp_path / str(i)))
    run_state_machine_as_test(
        lambda: Service(cassandra_node, options, artifacts),
        settings=settings(
            max_examples=4,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate,),
        ),
    )
