"""Each alert fires on the series of its symptom, none on a healthy service's, and all ask for what the service exposes.

Prometheus's own promtool evaluates the rules. Its series are written as `start+step x count`: a value each interval.
"""

import re
import shutil
import subprocess
from pathlib import Path

import promql_parser
import pytest
import yaml

from bentos.http.context import OPEN_PATHS
from bentos.http.responses import STATUS
from tests.bentos.deploy.promql import exposed, grouped, made, matchers, selected
from tests.server import ROOT

ALERTS = ROOT / "bentos" / "deploy" / "alerts.yml"
RULES = {rule["alert"]: rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]}
TARGET = {"job", "instance"}  # the labels that Prometheus gives to every series of a service
PROBES = {path for path in OPEN_PATHS if path.endswith(("z", "/live", "/ready", "/metrics"))}

need_promtool = pytest.mark.skipif(not shutil.which("promtool"), reason="NO TESTS OF ALERTS: promtool is not installed")

INTERVAL = 5  # minutes between two values, and between two evaluations
HOURS = 12  # of series: a rule that looks back a week takes what there is
MANY = HOURS * 60 // INTERVAL  # values
LAST = MANY - 24  # the number of the value with which the last two hours begin, and the symptoms with them


def steady(step: float) -> str:
    """A counter that grows by `step` in each interval."""
    return f"0+{step}x{MANY}"


def changed(before: float, after: float) -> str:
    """A counter whose step is another in the last two hours."""
    return f"0+{before}x{LAST} {before * LAST + after}+{after}x{MANY - LAST - 1}"


def gauge(before: float, after: float) -> str:
    """A gauge that has another value in the last two hours."""
    return f"{before}+0x{LAST} {after}+0x{MANY - LAST - 1}"


def labelled(name: str, **labels: str) -> str:
    pairs = {"job": "sms-spam", "instance": "a:3000"} | labels
    return name + "{" + ",".join(f'{label}="{value}"' for label, value in pairs.items()) + "}"


UP = labelled("up")
READY = labelled("spam_ready")
CHAMPION = labelled("spam_version_info", alias="champion", model_version="3")
STORE = labelled("spam_store_up", store="cassandra")
SPOOL = labelled("spam_spool_rows")
READ_AT = labelled("spam_registry_read_timestamp_seconds")
SPAM = labelled("spam_labels_total", model_version="3", label="spam")
HAM = labelled("spam_labels_total", model_version="3", label="ham")
ANSWERED, FAILED, GONE, UNREADY = (
    labelled("spam_requests_total", route=route, status=status)
    for route, status in (("/prediction", "200"), ("/prediction", "500"), ("/prediction", "499"), ("/readyz", "503"))
)
QUICK, SLOW, ALL = (
    labelled("spam_request_seconds_bucket", route="/prediction", status="200", le=le) for le in ("0.01", "1", "+Inf")
)
DRIFT = labelled("spam_drift_psi", model_version="3", feature="script")
CAUGHT, BLOCKED = (
    labelled("spam_live_quality", version="3", measure=measure, bound=bound)
    for measure, bound in (("caught", "high"), ("blocked", "low"))
)
HEALTHY = {
    UP: gauge(1, 1),
    READY: gauge(1, 1),
    CHAMPION: gauge(1, 1),
    STORE: gauge(1, 1),
    SPOOL: gauge(0, 0),
    READ_AT: steady(INTERVAL * 60),  # at each moment, just now
    SPAM: changed(100, 130),  # 10 %, then 13 %
    HAM: changed(900, 870),
    ANSWERED: steady(1000),
    FAILED: steady(2),
    GONE: steady(10),
    UNREADY: changed(0, 100),  # a probe's answer is no call's
    QUICK: steady(999),
    SLOW: steady(1000),
    ALL: steady(1000),
    DRIFT: gauge(0.05, 0.15),
    CAUGHT: gauge(0.97, 0.85),
    BLOCKED: gauge(0.001, 0.01),
}
ONE_SERVICE = {"job": "sms-spam", "instance": "a:3000"}
JOB = {"job": "sms-spam"}
SYMPTOMS = {  # alert -> what is other than healthy, and the labels that the alert has
    "SpamServiceDown": ({UP: gauge(1, 0)}, ONE_SERVICE),
    "SpamNoChampion": ({READY: gauge(1, 0), CHAMPION: f"1+0x{LAST} stale"}, ONE_SERVICE),
    "SpamErrors": ({FAILED: changed(2, 20)}, JOB),
    "SpamSlow": ({QUICK: changed(999, 900)}, JOB),
    "SpamStoreDown": ({STORE: gauge(1, 0)}, ONE_SERVICE | {"store": "cassandra"}),
    "SpamSpoolGrowing": ({SPOOL: f"0+0x{LAST} 10+10x{MANY - LAST - 1}"}, ONE_SERVICE),
    "SpamRegistryStale": ({READ_AT: f"0+300x{LAST} {300 * LAST}+0x{MANY - LAST - 1}"}, ONE_SERVICE),
    "SpamCallsCutOff": ({GONE: changed(10, 100)}, JOB),
    "SpamDrift": ({DRIFT: gauge(0.05, 0.3)}, JOB | {"model_version": "3", "feature": "script"}),
    "SpamMissed": ({CAUGHT: gauge(0.97, 0.79)}, JOB | {"version": "3"}),
    "SpamHamBlocked": ({BLOCKED: gauge(0.001, 0.03)}, JOB | {"version": "3"}),
    "SpamShareUnusual": ({SPAM: changed(100, 500), HAM: changed(900, 500)}, JOB),
}
HARMLESS = {  # what is unusual, and no reason to be called
    "a service that follows no registry": {READ_AT: gauge(0, 0)},
    "a spool that is being sent": {SPOOL: f"0+0x{LAST} 9000-100x{MANY - LAST - 1}"},
    "a service that drains and has its champion": {READY: gauge(1, 0)},
    "a few texts, all of them spam": {SPAM: f"0+0x{LAST} 0+9x{MANY - LAST - 1}", HAM: steady(0)},
    "an hour of other texts that is over": {DRIFT: f"0.05+0x{MANY - 13} 3+0x9 0.1+0x1"},
    "texts of which there are too few": {DRIFT: f"3+0x{LAST} stale"},
    "drift of a version that is not the champion": {DRIFT.replace('"3"', '"2"'): gauge(0.05, 3)},
    "a bad version that is not the champion": {
        CAUGHT.replace('"3"', '"2"'): gauge(0.3, 0.3),
        BLOCKED.replace('"3"', '"2"'): gauge(0.3, 0.3),
    },
    "figures of a few labelled texts": {
        CAUGHT.replace("high", "value"): gauge(0.9, 0.5),
        BLOCKED.replace("low", "value"): gauge(0.01, 0.1),
    },
    "a service that nobody calls": dict.fromkeys((ANSWERED, FAILED, GONE, QUICK, SLOW, ALL, SPAM, HAM), gauge(0, 0)),
}


def case(series: dict[str, str], firing: dict[str, dict[str, str]]) -> dict[str, object]:
    """A test of promtool: after the last value the alerts `firing` fire with these labels, and no other does."""
    return {
        "interval": f"{INTERVAL}m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": [
            {"eval_time": f"{(MANY - 1) * INTERVAL}m", "alertname": name, "exp_alerts": expected(name, firing)}
            for name in RULES
        ],
    }


def expected(name: str, firing: dict[str, dict[str, str]]) -> list[dict[str, object]]:
    if name not in firing:
        return []
    return [
        {"exp_labels": RULES[name]["labels"] | firing[name], "exp_annotations": RULES[name]["annotations"]},
    ]


def run_promtool(folder: Path, *cases: dict[str, object]) -> None:
    file = folder / "test.yml"
    rules = {"rule_files": [str(ALERTS)], "evaluation_interval": f"{INTERVAL}m", "tests": list(cases)}
    file.write_text(yaml.safe_dump(rules))
    done = subprocess.run(["promtool", "test", "rules", file], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@need_promtool
def test_a_symptom_fires_its_own_alert_alone(tmp_path):
    assert SYMPTOMS.keys() == RULES.keys()
    run_promtool(tmp_path, *(case(HEALTHY | other, {name: labels}) for name, (other, labels) in SYMPTOMS.items()))


@need_promtool
def test_nothing_fires_on_a_healthy_service_or_on_what_is_harmless(tmp_path):
    run_promtool(tmp_path, *(case(HEALTHY | other, {}) for other in ({}, *HARMLESS.values())))


@pytest.fixture(scope="module")
def series(tmp_path_factory) -> dict[str, set[str]]:
    """What Prometheus has of a service, by name: its labels."""
    served = exposed(tmp_path_factory.mktemp("processes"))
    return {"up": TARGET} | {name: labels | TARGET for name, labels in served.items()}


@pytest.mark.parametrize("name", RULES)
def test_an_alert_asks_for_series_and_labels_that_there_are(name, series):
    expression = RULES[name]["expr"]
    selectors = list(selected(promql_parser.parse(expression)))
    assert selectors
    for selector in selectors:
        assert selector.name in series
        assert matchers(selector).keys() <= series[selector.name]
    assert grouped(expression) <= made(expression).union(*(series[selector.name] for selector in selectors))


@pytest.mark.parametrize("name", RULES)
def test_an_alert_leaves_probes_out_and_names_a_status_that_there_is(name):
    for selector in selected(promql_parser.parse(RULES[name]["expr"])):
        wanted = matchers(selector)
        if "route" in wanted:
            assert {path for path in OPEN_PATHS if re.fullmatch(wanted["route"], path)} == PROBES
        if "status" in wanted:
            assert any(re.fullmatch(wanted["status"], str(status)) for status in (200, *STATUS.values()))


@pytest.mark.parametrize("name", RULES)
def test_an_alert_says_how_bad_it_is_and_what_to_do(name):
    rule = RULES[name]
    assert rule["labels"].keys() == {"severity"} and rule["labels"]["severity"] in ("critical", "warning")
    assert rule["annotations"].keys() == {"summary", "action"} and rule["for"]
