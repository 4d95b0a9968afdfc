"""The shipped unit, compose file and scrape example. No container runs: what would not fit shows before one starts."""

import importlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from bentos.http.context import OPEN_PATHS
from bentos.settings import Settings
from registry.__main__ import parse as parse_registry
from tests.server import ROOT

DEPLOY = ROOT / "bentos" / "deploy"
UNIT = "sms-spam@.service"
RETRAIN = "sms-spam-retrain"
SETTINGS = {name.upper() for name in Settings.model_fields}


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_takes_the_unit(tmp_path):
    text = (DEPLOY / UNIT).read_text().replace("/opt/sms-spam/.venv/bin", str(Path(sys.executable).parent))
    assert text.count(str(Path(sys.executable).parent)) == 1
    unit = tmp_path / UNIT.replace("@", "@3000")
    unit.write_text(text)
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_live_quality_is_measured_with_the_services_settings():
    service, quality = ((DEPLOY / name).read_text() for name in (UNIT, "sms-spam-quality.service"))
    shared = ("User", "StateDirectory", "WorkingDirectory", "EnvironmentFile", "Environment", "ProtectSystem")
    for name in shared:
        (line,) = re.findall(f"^{name}=.*$", quality, re.M)
        assert line in service.splitlines()
    words = re.search("^ExecStart=/opt/sms-spam/.venv/bin/python -m registry (.*)$", quality, re.M)[1].split()
    assert parse_registry(words).publish


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
@pytest.mark.parametrize("name", ["sms-spam-quality", RETRAIN])
def test_systemd_takes_the_timer_and_what_it_starts(name, tmp_path):
    names = f"{name}.service", f"{name}.timer"
    for name in names:
        text = (DEPLOY / name).read_text().replace("/opt/sms-spam/.venv/bin", str(Path(sys.executable).parent))
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", *(tmp_path / name for name in names)], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_units_run_commands_that_there_are(monkeypatch):
    """Of the retraining, whose words no other test takes from the unit."""
    started = re.search(r"^ExecStart=\S+/python -m (\S+) (.*)$", (DEPLOY / f"{RETRAIN}.service").read_text(), re.M)
    monkeypatch.setattr(sys, "argv", ["retrain", *started[2].split()])
    args = importlib.import_module(started[1])._arguments()
    assert (args.corrections, args.drift, args.promote) == (50, 0.2, False)


def test_prometheus_asks_the_services_that_nginx_stands_before():
    (job,) = yaml.safe_load((DEPLOY / "prometheus.yaml").read_text())["scrape_configs"]
    (asked,) = job["static_configs"]
    assert asked["targets"] == re.findall(r"^    server (\S+)", (DEPLOY / "nginx.conf").read_text(), re.M)
    assert job["metrics_path"] in OPEN_PATHS


def test_prometheus_sends_the_key_that_protected_operations_need(tmp_path):
    shipped = (DEPLOY / "prometheus.yaml").read_text()
    text = re.sub(r"^    # (authorization|  credentials_file)", r"    \1", shipped, flags=re.M)
    (job,) = yaml.safe_load(text)["scrape_configs"]
    assert job["authorization"].keys() == {"credentials_file"}  # as a bearer token, by default
    (tmp_path / "key").write_text("spam_")
    (tmp_path / "prometheus.yaml").write_text(text.replace(job["authorization"]["credentials_file"], "key"))
    shutil.copy(DEPLOY / "alerts.yml", tmp_path)
    if shutil.which("promtool"):
        subprocess.run(["promtool", "check", "config", tmp_path / "prometheus.yaml"], check=True)


@pytest.mark.skipif(not shutil.which("promtool"), reason="Prometheus is not installed")
def test_prometheus_takes_its_configuration():
    subprocess.run(["promtool", "check", "config", DEPLOY / "prometheus.yaml"], check=True)


def test_every_setting_of_the_compose_file_is_one():
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    for name in ("migrate", "service"):
        assert services[name]["environment"].keys() <= SETTINGS
    assert services["service"]["environment"].keys() >= services["migrate"]["environment"].keys()


def test_the_compose_file_waits_for_what_is_healthy_and_builds_what_there_is():
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    stages = re.findall(r"^FROM .* AS (\w+)$", (DEPLOY / "Dockerfile").read_text(), re.M)
    for service in services.values():
        for other, wait in service.get("depends_on", {}).items():
            assert wait["condition"] == "service_completed_successfully" or "healthcheck" in services[other]
        if "build" in service:
            assert service["build"]["target"] in stages
            assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:")


def test_in_its_container_the_service_listens_on_every_address():
    assert (
        yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["service"]["environment"]["HOST"] == "0.0.0.0"
    )
    assert re.search(r"^ENV .*\bHOST=0\.0\.0\.0$", (DEPLOY / "Dockerfile").read_text(), re.M)
