"""A version's folder is the one that MLflow finds."""

from pathlib import Path

import pytest

from registry.reading.local_files import local_path


@pytest.mark.parametrize("folder", ["models/m-1/artifacts", "my models/m-1/artifacts", "a%20b/ü/artifacts"])
@pytest.mark.parametrize("as_uri", [True, False])
def test_a_folder_of_this_machine_is_where_mlflow_finds_it(tmp_path, folder, as_uri):
    from mlflow.artifacts import download_artifacts

    (path := tmp_path / folder).mkdir(parents=True)
    uri = path.as_uri() if as_uri else str(path)
    found = local_path(uri)
    if "%" in folder and not as_uri:
        assert found is None, "it could be read in two ways"
    else:
        assert found == Path(download_artifacts(uri)) == path


@pytest.mark.parametrize(
    "uri",
    [
        "s3://bucket/models/m-1",
        "models:/m-1",
        "mlflow-artifacts:/models/m-1",
        "http://example.org/models",
        "file://elsewhere/models",
        "file:models/m-1",
        "models/m-1",
        "file:///models/m-1?x=1",
        "file:///models/a%20b",
        "",
    ],
)
def test_what_mlflow_has_to_resolve_is_left_to_it(uri):
    assert local_path(uri) is None
