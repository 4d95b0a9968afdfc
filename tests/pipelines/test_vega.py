"""The page of `dvc plots show`, as DVC makes it of the project's template."""

import sys
from pathlib import Path

from dvc.repo import Repo
from dvc_render.html import HTML

from pipelines import vega

ROOT = Path(__file__).parents[2]


def test_the_script_defines_what_dvc_calls(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["vega", str(tmp_path / "vega.js")])
    vega.main()
    script = (tmp_path / "vega.js").read_text()
    assert "window.vegaEmbed=" in script and "</script" not in script


def test_the_page_loads_the_script_from_the_build():
    with Repo(ROOT) as repo:
        template = Path(repo.dvc_dir) / repo.config["plots"]["html_template"]
    page = HTML(template.read_text()).with_scripts("<script src='of-dvc.js'>").with_element("<p>A plot").embed()
    assert "<p>A plot" in page and "of-dvc" not in page
    assert page.index('<script src="../build/vega.js">') < page.index("document.write")
