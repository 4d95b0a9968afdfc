"""The manifests fit the API's schemas, the service and each other.

No cluster runs: tests/system/test_kubernetes.py does to a process what a cluster would.
"""

import re
from fnmatch import fnmatch

import kubernetes_validate
import pytest
import yaml

from bentos.http.context import OPEN_PATHS
from bentos.process.draining import GRACE_SECONDS
from bentos.settings import Settings
from tests.kubernetes import KUBERNETES, OVERLAYS, Manifest, build, container, literals, manifests, pod, read
from tests.server import ROOT

VERSIONS = ("1.30", kubernetes_validate.latest_version())  # the oldest has preStop's action `sleep`
CUSTOM = {"ServiceMonitor", "PrometheusRule", "InferenceService"}  # the API's schemas do not have them
SETTINGS = {name.upper() for name in Settings.model_fields}
OWN = {"HOME", "BENTOS_HOME", "BENTOML_HOME"}  # variables that are no settings
KINDS = ("Deployment", "StatefulSet")
INFERENCE = "kserve/inferenceservice.yaml"


def validate(manifest: Manifest) -> None:
    if manifest["kind"] not in CUSTOM:
        for version in VERSIONS:
            kubernetes_validate.validate(manifest, version, strict=True)


def of_kind(built: tuple[Manifest, ...], *kinds: str) -> list[Manifest]:
    return [manifest for manifest in built if manifest["kind"] in kinds]


def selects(selector: dict[str, str], manifest: Manifest) -> bool:
    """Whether a selector takes a manifest's labels."""
    return selector.items() <= manifest["metadata"].get("labels", {}).items()


@pytest.mark.parametrize("path", manifests())
def test_a_manifest_fits_the_schema_of_its_kind(path):
    validate(manifests()[path])


def test_the_schemas_refuse_a_field_that_there_is_not():
    manifest = manifests()["base/service.yaml"]
    manifest["spec"]["port"] = 80
    with pytest.raises(kubernetes_validate.ValidationError):
        validate(manifest)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_kustomize_builds_what_fits_the_schemas(overlay):
    for manifest in build(overlay):
        validate(manifest)
        assert manifest["metadata"]["namespace"] == "sms-spam"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_selectors_take_the_service_s_pods_and_no_other(overlay):
    built = build(overlay)
    (workload,) = of_kind(built, *KINDS)
    others = [job["spec"]["template"] for job in of_kind(built, "Job")]
    selectors = [service["spec"]["selector"] for service in of_kind(built, "Service")]
    selectors += [m["spec"]["selector"]["matchLabels"] for m in (workload, *of_kind(built, "PodDisruptionBudget"))]
    assert len(selectors) == (4 if overlay == "ring" else 3)
    for selector in selectors:
        assert selects(selector, workload["spec"]["template"])
        assert not any("labels" in other.get("metadata", {}) and selects(selector, other) for other in others)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_a_manifest_names_is_there(overlay):
    built = build(overlay)
    (workload,) = of_kind(built, *KINDS)
    (autoscaler,) = of_kind(built, "HorizontalPodAutoscaler")
    named = autoscaler["spec"]["scaleTargetRef"]
    assert (named["kind"], named["name"]) == (workload["kind"], workload["metadata"]["name"])
    claims = {claim["metadata"]["name"] for claim in of_kind(built, "PersistentVolumeClaim")}
    maps = {config["metadata"]["name"] for config in of_kind(built, "ConfigMap")}
    for one in (workload, *of_kind(built, "Job")):
        spec = one["spec"]["template"]["spec"]
        volumes = {volume["name"] for volume in spec["volumes"]}
        volumes |= {claim["metadata"]["name"] for claim in one["spec"].get("volumeClaimTemplates", [])}
        assert {mount["name"] for mount in spec["containers"][0]["volumeMounts"]} == volumes
        used = [volume["persistentVolumeClaim"] for volume in spec["volumes"] if "persistentVolumeClaim" in volume]
        assert {claim["claimName"] for claim in used} <= claims
        sources = spec["containers"][0]["envFrom"]
        assert {source["configMapRef"]["name"] for source in sources if "configMapRef" in source} == maps


def test_the_operator_s_monitor_finds_the_service_s_port():
    built = build("ring")
    (monitor,) = of_kind(built, "ServiceMonitor")
    (endpoint,) = monitor["spec"]["endpoints"]
    services = [s for s in of_kind(built, "Service") if selects(monitor["spec"]["selector"]["matchLabels"], s)]
    (found,) = [s for s in services if endpoint["port"] in {port["name"] for port in s["spec"]["ports"]}]
    assert found["metadata"]["name"] == "sms-spam"  # which is the label `job` that the alerts expect
    assert endpoint["path"] in OPEN_PATHS


def test_the_operator_s_alerts_are_those_of_alerts_yml():
    alerts = (KUBERNETES.parent / "alerts.yml").read_text()
    groups = alerts[alerts.index("groups:") :]
    head, _, _ = (KUBERNETES / "monitoring/prometheusrule.yaml").read_text().partition("  groups:")
    shipped = head + re.sub(r"^(?=.)", "  ", groups, flags=re.M)
    assert (KUBERNETES / "monitoring/prometheusrule.yaml").read_text() == shipped
    assert read("monitoring/prometheusrule.yaml")["spec"] == yaml.safe_load(alerts)


@pytest.mark.parametrize("folder", ("base", *OVERLAYS))
def test_every_literal_is_a_setting(folder):
    assert literals(folder).keys() <= SETTINGS


@pytest.mark.parametrize("path", ("base/deployment.yaml", "migrate/job.yaml", INFERENCE))
def test_every_variable_of_a_container_is_known(path):
    spec = read(path)["spec"]
    (one,) = (spec.get("template", {}).get("spec") or spec["predictor"])["containers"]
    assert {variable["name"] for variable in one["env"]} <= SETTINGS | OWN


@pytest.mark.parametrize("spec", (pod(), read(INFERENCE)["spec"]["predictor"]), ids=("pod", "kserve"))
def test_a_pod_has_the_time_to_end(spec):
    (one,) = spec["containers"]
    variables = literals("base") | {variable["name"]: variable["value"] for variable in one["env"]}
    wait = one["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert spec["terminationGracePeriodSeconds"] > wait + float(variables["DRAIN_SECONDS"]) + 2 * GRACE_SECONDS
    assert wait >= one["readinessProbe"]["periodSeconds"] >= 1


def test_probes_ask_what_needs_no_key_at_the_port_that_is_served():
    ports = {port["name"]: port["containerPort"] for port in container()["ports"]}
    assert ports == {"http": int(literals("base")["PORT"])}
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        asked = container()[probe]["httpGet"]
        assert asked["path"] in OPEN_PATHS and asked["port"] in ports
    assert container()["readinessProbe"]["httpGet"]["path"] != container()["livenessProbe"]["httpGet"]["path"]


def test_every_path_that_is_written_is_on_a_volume_that_outlives_the_pod():
    (state,) = (mount["mountPath"] for mount in container()["volumeMounts"] if mount["name"] == "state")
    for name in ("SQLITE_PATH", "SPOOL_PATH", "VERSIONS_PATH"):
        assert literals("base")[name].startswith(f"{state}/")
    (volume,) = (volume for volume in pod()["volumes"] if volume["name"] == "state")
    assert "persistentVolumeClaim" in volume


@pytest.mark.parametrize("spec", (pod(), read("migrate/job.yaml")["spec"]["template"]["spec"]), ids=("pod", "job"))
def test_a_pod_may_do_nothing_that_it_need_not(spec):
    """What Kubernetes's own standard `restricted` asks for, and a root filesystem that is read-only."""
    (one,) = spec["containers"]
    assert spec["securityContext"]["runAsNonRoot"] and spec["securityContext"]["runAsUser"] > 0
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert one["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not spec["automountServiceAccountToken"]


def test_the_image_s_user_owns_what_the_pod_writes():
    dockerfile = (ROOT / "bentos/deploy/Dockerfile").read_text()
    service = dockerfile[dockerfile.index("AS service") :]
    assert f"--uid {pod()['securityContext']['runAsUser']} " in service
    assert pod()["securityContext"]["fsGroup"] == pod()["securityContext"]["runAsGroup"]


def test_kserve_s_example_is_a_pod_that_speaks_its_protocol():
    predictor = dict(read(INFERENCE)["spec"]["predictor"])
    for name in ("minReplicas", "maxReplicas", "scaleMetric", "scaleTarget"):  # KServe's own; the others are a pod's
        predictor.pop(name)
    validate({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "sms-spam"}, "spec": predictor})
    (one,) = predictor["containers"]
    assert one["name"] == "kserve-container"
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert fnmatch(one[probe]["httpGet"]["path"], "/v2/health/*") and one[probe]["httpGet"]["path"] in OPEN_PATHS
        assert one[probe]["httpGet"]["port"] == one["ports"][0]["containerPort"]
