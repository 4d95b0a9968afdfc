"""How the tests are marked and grouped, and the fixtures that tests of several rooms share.

The marker `system` is set here, never by hand: on every test in tests/system and tests/hostile, on those of the HTTP
contract, which start a server and schemathesis, and on every test that starts a Cassandra node. The marker `long` is
set on tests that judge the whole corpora or the built models, train a model, start other programs or take as long.
`make test-quick` runs the tests without either.

`make test` runs groups of tests in two processes. A group is a file, so that the fixtures of a module are made once.
The tests of the pages are one group, with one service and one browser, and so are all tests on the same Cassandra node
or ring, so that it is started once.
"""

import gc
from pathlib import Path
from typing import Any

import pytest

pytest_plugins = ["tests.cassandra.fixtures", "tests.clock"]

SYSTEM = {
    Path(__file__).parent / name for name in ("system", "hostile", "bentos/http/test_contract.py", "docs/test_calls.py")
}  # folders and files
TRAINING = ("crossval", "export", "held_out", "register", "tracking", "train")
STAGES = (*TRAINING, "collect", "fetch", "retrain", "review", "stage", "validate", "vega")
OF_REGISTRY = ("console", "delivery", "lock", "main", "notify", "publish")
LONG = {
    *(Path(__file__).parent / name for name in ("bentos/deploy", "data", "docs", "model", "pipelines/model")),
    *(Path(__file__).parent / f"pipelines/test_{name}.py" for name in STAGES),
    *(Path(__file__).parent / f"registry/test_{name}.py" for name in OF_REGISTRY),
    *(
        Path(__file__).parent / f"registry/{name}"
        for name in ("quality", "rollout/test_control.py", "rollout/test_driver.py")
    ),
    Path(__file__).parent / "bentos/versions/test_registry_reader.py",
    *(Path(__file__).parent / f"bentos/test_{name}.py" for name in ("erase", "export", "label")),
}
PAGES = Path(__file__).parent / "system" / "page"
QUICK = "not system and not long"  # the choice of `make test-quick`
NODES = ("cassandra_node", "cassandra_ring", "secure_node")
LONGEST = (
    "cassandra_node",
    "tests/system/test_pipeline.py",
    "tests/system/test_team.py",
    "cassandra_ring",
    "tests/system/test_following.py",
)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Spare `make test-quick` the import of what it does not run: TensorFlow alone takes some seconds."""
    return True if config.option.markexpr == QUICK and collection_path in LONG | SYSTEM else None


@pytest.hookimpl(tryfirst=True)  # before pytest deselects by marker, and before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item)))
        if _is_system(item):
            item.add_marker(pytest.mark.system)
        if not LONG.isdisjoint({item.path, *item.path.parents}):
            item.add_marker(pytest.mark.long)
    items.sort(key=_rank)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any, ids: list[str]) -> None:
    """Without groups each process would start its own nodes and train its own models, which takes twice the time."""
    if node.config.getoption("dist") == "loadgroup" and any("@" not in name for name in ids):
        raise pytest.UsageError("pytest-xdist leaves out the groups with this pytest: pyproject.toml says which fits")


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()  # what was imported stays: a garbage collection need not look at it again in the midst of a test


def _is_system(item: pytest.Item) -> bool:
    own = {item.path, *item.path.parents}
    return not SYSTEM.isdisjoint(own) or "cassandra_jars" in item.fixturenames or _node(item) is not None


def _node(item: pytest.Item) -> str | None:
    """The fixture that starts the test's Cassandra node. A test with the parameter "cassandra" asks for it later."""
    if hasattr(item, "callspec") and "cassandra" in item.callspec.params.values():
        return "cassandra_node"
    return next((name for name in NODES if name in item.fixturenames), None)


def _group(item: pytest.Item) -> str:
    if PAGES in item.path.parents:
        return "pages"
    return _node(item) or item.nodeid.partition("::")[0]


def _rank(item: pytest.Item) -> int:
    """Long groups begin first, so that the processes end at about the same time."""
    group = _group(item)
    return LONGEST.index(group) if group in LONGEST else len(LONGEST) + (not _is_system(item))
