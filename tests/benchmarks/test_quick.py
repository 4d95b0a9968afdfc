"""What the comparison of two commits does beside measuring."""

import subprocess
from pathlib import Path

import pytest

from tests.benchmarks import quick
from tests.benchmarks.noise import Comparison
from tests.benchmarks.quick import QuickError, checkout, compare_all, resolve, table, verdict

RATE, TIME = ("cached, 1 client", "requests/s"), ("cached, 1 client", "p50 ms")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run([*git, "init", "-q"], cwd=folder, check=True)
    for text in ("old", "new"):
        (folder / "file").write_text(text)
        subprocess.run([*git, "add", "file"], cwd=folder, check=True)
        subprocess.run([*git, "commit", "-qm", text], cwd=folder, check=True)
    return folder


def test_the_base_is_beside_the_tree_and_gone_at_the_end(repository: Path, tmp_path: Path):
    with (
        pytest.raises(KeyboardInterrupt),
        checkout(resolve("HEAD~1", repository), tmp_path / "tree", repository) as tree,
    ):
        assert ((tree / "file").read_text(), (repository / "file").read_text()) == ("old", "new")
        (tree / "file").write_text("what a service may leave")
        raise KeyboardInterrupt
    assert not (tmp_path / "tree").exists()
    assert "tree" not in quick.git("worktree", "list", repository=repository)


@pytest.mark.parametrize("base", ["nothing", "--help", "HEAD~9", ""])
def test_a_base_that_git_does_not_know_is_named(repository: Path, base: str):
    with pytest.raises(QuickError, match=f"git knows no commit {base!r}"):
        resolve(base, repository)


def test_a_figure_that_one_side_lacks_in_a_round_is_not_compared():
    whole, lacking = {RATE: 100.0, TIME: 2.0}, {RATE: 101.0}
    assert set(compare_all([[whole, whole], [whole, lacking], [whole, whole]])) == {RATE}


def test_more_requests_are_better_and_more_milliseconds_are_worse():
    more, same = Comparison(100, 110, 1.1, 1.05, 1.15), Comparison(100, 110, 1.1, 0.9, 1.3)
    assert verdict("requests/s", more) == "moved: better" and verdict("p50 ms", more) == "moved: worse"
    assert verdict("p50 ms", same) == "within the noise"


def test_a_line_of_the_table_has_both_values_the_ratio_and_its_bounds():
    _, line, _ = table({TIME: Comparison(1.234, 2.5, 2.026, 1.9, 2.2)})
    assert " ".join(line.split()) == "cached, 1 client p50 ms 1.23 2.50 2.026 1.900 and 2.200 moved: worse"
