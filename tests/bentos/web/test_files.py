"""The files of the pages: whole, and nothing that the pages' policy would refuse."""

import re

import pytest

from bentos.http import limits
from bentos.http.pages import WEB

PAGES = sorted(WEB.glob("*.html"))
SCRIPTS = sorted(WEB.glob("*.js"))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_page_has_no_script_style_or_handler_in_it_and_its_files_exist(path):
    text = path.read_text()
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script>|javascript:|//\w", text)
    files = re.findall(r'(?:src|href)="/web/([^"]+)"', text)
    assert len(files) == 3 and all((WEB / name).exists() for name in files)
    assert len(set(ids := re.findall(r'\sid="([^"]+)"', text))) == len(ids)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_sets_texts_only_and_imports_what_exists(path):
    text = path.read_text()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", text)
    for names, module in re.findall(r'import \{([^}]+)\} from "\./([^"]+)"', text):
        for name in re.split(r",\s*", names.strip()):
            word = rf"(?<!\w){re.escape(name)}(?!\w)"
            assert re.search(rf"^export (async )?(function|const|class) {word}", (WEB / module).read_text(), re.M)
            assert len(re.findall(word, text)) > 1, f"{name} is not used"


def test_every_element_that_a_script_looks_up_is_on_its_page():
    for page in PAGES:
        ids = set(re.findall(r'\sid="([^"]+)"', page.read_text()))
        for script in _loaded_by(re.search(r'src="/web/([^"]+)"', page.read_text())[1]):
            missing = set(re.findall(r'\$\("([^"]+)"\)', (WEB / script).read_text())) - ids
            assert not missing, f"{page.name} lacks what {script} looks up"


def _loaded_by(script: str) -> set[str]:
    """The script and all that it imports."""
    found, open_ = set(), {script}
    while open_:
        found |= open_
        imports = {name for one in open_ for name in re.findall(r'from "\./([^"]+)"', (WEB / one).read_text())}
        open_ = imports - found
    return found


def test_the_limits_are_those_of_the_service():
    stated = dict(re.findall(r"^export const (\w+) = ([\d_]+);", (WEB / "batch.js").read_text(), re.M))
    names = ("MAX_CHARACTERS", "MAX_TEXTS", "MAX_LIST_CHARACTERS")
    assert {name: int(value) for name, value in stated.items()} == {name: getattr(limits, name) for name in names}
