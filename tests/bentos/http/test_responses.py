"""Errors in their one shape, with the status of their reason."""

import ast
import json
from pathlib import Path

import pytest

from bentos.errors import CallError
from bentos.http.responses import STATUS, call_error_response, error_response, without_folders

BENTOS = Path(__file__).parents[3] / "bentos"


def raised_reasons() -> set[str]:
    """The first argument of every CallError in the code."""
    calls = (node for file in BENTOS.rglob("*.py") for node in ast.walk(ast.parse(file.read_text())))
    return {
        call.args[0].value
        for call in calls
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "CallError"
    }


def test_every_reason_that_is_raised_has_a_status_and_no_other():
    assert raised_reasons() == set(STATUS)


def test_half_a_surrogate_pair_in_a_detail_is_written_out():
    response = error_response("/prediction", 404, "unknown_version", "no version '\udfff'")
    assert json.loads(response.body) == {"error": "unknown_version", "detail": "no version '\\udfff'"}


@pytest.mark.parametrize(("path", "status"), [("/v2", 400), ("/v2/models/x", 400), ("/v2x", 422), ("/", 422)])
def test_the_inference_protocol_has_its_own_shape(path, status):
    response = error_response(path, 422, "invalid", "the reason")
    assert response.status_code == status
    assert json.loads(response.body) == (
        {"error": "the reason"} if status == 400 else {"error": "invalid", "detail": "the reason"}
    )


def test_headers_say_when_to_retry_and_how_to_authenticate():
    assert call_error_response("/", CallError("too_often", "wait", 7)).headers["Retry-After"] == "7"
    assert call_error_response("/", CallError("no_key", "send one")).headers["WWW-Authenticate"].startswith("Bearer")
    challenge = call_error_response("/", CallError("no_right", "", right="review")).headers["WWW-Authenticate"]
    assert challenge.endswith('error="insufficient_scope", scope="review"')
    assert "Retry-After" not in call_error_response("/", CallError("unknown_id", "none")).headers


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cannot read /srv/models/3/model.onnx: gone", "cannot read model.onnx: gone"),
        ("the registry at sqlite:////home/me/mlflow.db: locked", "the registry at sqlite:///mlflow.db: locked"),
        ("see /docs, and `/recent_log`", "see /docs, and `/recent_log`"),
        ("no path at all", "no path at all"),
    ],
)
def test_callers_learn_no_folder_of_the_machine(text, shown):
    assert without_folders(text) == shown
