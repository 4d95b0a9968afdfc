import pytest

from pipelines.data.corpus import CorpusError, read


def written(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    return tmp_path / name


def rows(raw):
    return [tuple(row) for row in raw.rows.itertuples(index=False)]


def test_uci_s_format_keeps_quotes_and_further_tabs(tmp_path):
    raw = read(written(tmp_path, "corpus", b'ham\t"quoted, kept"\nspam\ta\tb\r\n'))
    assert rows(raw) == [(1, "ham", '"quoted, kept"'), (2, "spam", "a\tb")]
    assert raw.broken == []


def test_broken_lines_are_named_and_the_rest_is_read(tmp_path):
    raw = read(written(tmp_path, "corpus", b"ham\tone\nno tab here\n\nspam\t\xff\nham\tlast"))
    assert rows(raw) == [(1, "ham", "one"), (5, "ham", "last")]
    assert raw.broken == [(2, "no tab between label and text"), (4, "not UTF-8")]


def test_a_csv_may_have_its_columns_anywhere_and_texts_over_several_lines(tmp_path):
    content = b'\xef\xbb\xbftext,source,label\n"two\nlines, one text",x,spam\nshort,x\nlast,y,ham\n'
    raw = read(written(tmp_path, "corpus.csv", content))
    assert rows(raw) == [(3, "spam", "two\nlines, one text"), (5, "ham", "last")]
    assert raw.broken == [(4, "2 fields, the header has 3")]


def test_a_tsv_with_columns_of_other_names(tmp_path):
    raw = read(written(tmp_path, "corpus.tsv", b"kind\tbody\nurgent\thelp\n"), label="kind", text="body")
    assert rows(raw) == [(2, "urgent", "help")]


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("corpus.csv", b"text,class\nhi,ham\n", "no column 'label' in its header, which has: text, class"),
        ("corpus.csv", b"", "which has: nothing"),
        ("corpus", b"", "no row could be read"),
        ("corpus", b"no tab\n", r"no row could be read \(1 broken\)"),
        ("corpus.csv", b'label,text\nham,"never closed ' + b"x" * 200_000, "larger than field limit.*quote"),
    ],
)
def test_a_corpus_that_cannot_be_read_says_why(tmp_path, name, content, why):
    with pytest.raises(CorpusError, match=why):
        read(written(tmp_path, name, content))


def test_a_missing_corpus_says_how_to_get_it(tmp_path):
    with pytest.raises(CorpusError, match=r"pipelines\.fetch"):
        read(tmp_path / "nothing")
