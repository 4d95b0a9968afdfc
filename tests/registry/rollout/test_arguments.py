"""The command's words, and what it prints; the process that is interrupted is in tests/system/test_rollout.py."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from bentos.monitoring.info import VersionLabels
from registry.promote import promote
from registry.rollout.arguments import live_quality
from registry.rollout.checks import Judged
from registry.rollout.control import STEP
from registry.route import Routing, set_routing
from tests.registry.conftest import THRESHOLDS, aliases
from tests.registry.quality.conftest import answers

QUICK = ("--hold", "50s", "--no-quality")


@pytest.fixture
def served(registry, page) -> str:
    """The address of a service of the champion, version 1, and the challenger, 2."""
    promote(registry, "1", THRESHOLDS)
    registry.point(aliases(registry), {"champion": "1", "challenger": "2"})
    page.serve([VersionLabels(v.number, alias, v.digest, "toy") for v in registry.versions() for alias in v.aliases])
    page.count("1", 1_000, errors=3)
    return page.url


def test_a_dry_run_prints_the_plan_and_the_figures_and_changes_nothing(cli, registry, served):
    before = registry.model_tags()
    printed = cli("rollout", "challenger", "--service", served, "--dry-run", *QUICK)
    assert printed.status == 0 and max(map(len, printed.output.splitlines())) <= 80
    assert "challenger, version 2, against the champion, version 1" in printed.output
    assert "steps       5%, 25%, 50%, 100%, then promotion by the gate" in printed.output
    assert "champion 1,003 calls, 3 errors, p99 5 ms, 20% spam" in printed.output
    shown = json.loads(cli("rollout", "challenger", "--service", served, "--dry-run", "--json", *QUICK).output)
    assert shown["figures"]["champion"]["calls"] == 1_003 and shown["plan"]["hold"] == 50 and not shown["problems"]
    assert registry.model_tags() == before


def test_a_dry_run_says_why_a_rollout_cannot_begin(cli, registry, served):
    set_routing(registry, Routing({"challenger": 30.0}))
    printed = cli("rollout", "challenger", "--service", served, "--dry-run", *QUICK)
    assert printed.status == 1 and "cannot begin: challenger has 30% of the calls" in printed.output
    assert "challenger has 30%" in cli("rollout", "challenger", "--service", served, *QUICK).error


@pytest.mark.parametrize(
    "words",
    [
        ("--steps", "5,5"),
        ("--steps", "50,5"),
        ("--steps", "5,101"),
        ("--steps", ""),
        ("--steps", "0"),
        ("--steps", "nan"),
        ("--hold", "15"),
        ("--hold", "0s"),
        ("--hold", "1000h"),
        ("--calls", "0"),
        ("--latency", "1"),
        ("--labels", "0"),
        ("--service", "ftp://a"),
        ("--service", "http://user:secret@a"),
    ],
)
def test_words_that_make_no_sense_are_refused(cli, words):
    refused = cli("rollout", "challenger", *words)
    assert refused.status == 2 and words[0] in refused.error and "secret" not in refused.error.partition("error:")[2]


def test_the_log_shows_the_shares_of_a_step(cli, registry, served):
    set_routing(registry, Routing({"challenger": 5.0}), what=STEP, why="step 1 of 4")
    words = " ".join(cli("log").output.split())
    assert "rollout" in words and "challenger 5%" in words and "step 1" in words


def test_live_quality_is_that_of_the_random_sample(fill, registry):
    texts = [("win", "spam"), ("prize", "ham"), ("hi", "ham"), ("bank", "spam")]
    reasons = {"win": "spam", "prize": "spam", "hi": "ham"}
    fill(
        answers("2", *texts),
        [(text, label, "random") for text, label in reasons.items()] + [("bank", "ham", "threshold")],
    )
    judged = live_quality(registry)(datetime.now(UTC) - timedelta(days=1))
    assert judged["2"] == Judged(caught=1, spam=2, blocked=0, ham=1)
    assert judged["1"] == Judged(0, 0, 0, 0)


def test_a_store_that_cannot_be_read_is_told_before_a_rollout_begins(cli, served, folder, monkeypatch):
    monkeypatch.setenv("SQLITE_PATH", str(folder / "nowhere" / "spam.db"))
    printed = cli("rollout", "challenger", "--service", served, "--dry-run")
    assert printed.status == 1 and "`--no-quality` goes without" in printed.output
