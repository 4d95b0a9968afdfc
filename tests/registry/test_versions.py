import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from registry.errors import RegistryError, UnknownVersion
from registry.versions import Registry, Version
from tests.registry.conftest import aliases
from tests.toyregistry import MODEL_NAME


def test_versions_are_listed_newest_first_and_found_by_number_and_alias(registry):
    registry.point({}, {"champion": "1"})
    assert [version.number for version in registry.versions()] == ["3", "2", "1"]
    assert registry.resolve("champion") == registry.resolve("1")
    with pytest.raises(UnknownVersion, match=r"no version '7' of sms-spam; there are: 3, 2, 1 = champion"):
        registry.resolve("7")


def test_a_version_is_the_same_after_it_was_json(registry):
    registry.point({}, {"champion": "1", "night": "1"})
    version = replace(registry.resolve("1"), verdict={"passed": True})
    assert Version.from_dict(json.loads(json.dumps(version.as_dict()))) == version
    assert version.aliases == ("champion", "night") and version.metrics["mcc"] > 0.8 and version.run_id


def test_an_earlier_verdict_is_read_as_it_was_written(registry):
    earlier = {"passed": False, "champion": "1", "challenger": "2", "checks": []}
    registry.tag(registry.resolve("2"), "verdict", json.dumps(earlier))
    assert registry.resolve("2").verdict == earlier


@pytest.mark.parametrize("tag", ["metrics", "verdict"])
def test_a_version_with_a_tag_that_is_no_json_cannot_be_served(registry, tag):
    registry.tag(registry.resolve("2"), tag, "{")
    assert [version.number for version in registry.versions()] == ["3", "1"]
    assert "tags were not written by" in registry.everything()[1].problem


def test_no_version_that_keeps_an_alias_is_ever_without_one(registry, monkeypatch):
    seen = []

    def looked_at(change):
        return lambda *args: (change(*args), seen.append(set(aliases(registry).values())))

    for name in ("set_registered_model_alias", "delete_registered_model_alias"):
        monkeypatch.setattr(registry.client, name, looked_at(getattr(registry.client, name)))
    registry.point({}, {"champion": "3", "challenger": "2"})
    for before, after in (("32", "13"), ("13", "32"), ("32", "23")):  # a promotion, its rollback, a swap
        seen.clear()
        now = dict(zip(("champion", "challenger"), after, strict=True))
        registry.point(dict(zip(("champion", "challenger"), before, strict=True)), now)
        assert aliases(registry) == now
        assert all(set(before) & set(after) <= numbers for numbers in seen)


def test_a_description_longer_than_mlflow_takes_ends_at_a_paragraph(registry):
    registry.set_description("1", "\n\n".join(f"paragraph {i}" for i in range(1000)))
    description = registry.client.get_model_version(MODEL_NAME, "1").description
    assert len(description) <= 5000 and description.split("\n\n")[-1].startswith("paragraph")


@pytest.mark.parametrize("hidden", ["someone:hidden", "hidden", "someone:hid@hidden"])
def test_an_unreachable_registry_is_named_without_its_password(hidden, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(RegistryError, match=r"127\.0\.0\.1:9") as failure:
        Registry(MODEL_NAME, f"http://{hidden}@127.0.0.1:9").versions()
    assert "hidden" not in str(failure.value)


def test_mlflow_reports_to_nobody():
    body = "import registry; from mlflow.telemetry.utils import is_telemetry_disabled as off; print(off())"
    bare = {"PATH": os.environ["PATH"]}  # MLflow does not report from a test either, by variables that it knows
    said = subprocess.run([sys.executable, "-c", body], env=bare, capture_output=True, text=True, check=True)
    assert said.stdout == "True\n"


def test_onnx_runtime_reports_to_nobody(tmp_path):
    """Where it reports, it keeps an identifier of the machine and what it is to send in the home directory."""
    bare = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", "import registry, onnxruntime"], env=bare, check=True)
    assert list(tmp_path.rglob("*")) == []
