import pytest

from pipelines.data.corpus import CorpusError, read, read_all, read_corpus
from pipelines.params import Corpus


def written(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    return tmp_path / name


def rows(raw):
    return [tuple(row) for row in raw.rows[["line", "label", "text"]].itertuples(index=False)]


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
        ("corpus.csv", b'label,text\nham,"never closed ' + b"x" * 200_000, r"csv:2: a quote opens.*field limit"),
        (
            "corpus.csv",
            b'label,text\nham,a\nham,"a ""b"" c"\nspam,"open\nham,b\n',
            "csv:4: a quote opens here.* line 5",
        ),
        ("corpus.csv", b'label,text\nham,"open\nspam,b\nham,"c d"\n', "csv:2: a quote opens here.* line 4"),
        ("corpus.csv", b'label,text\n"ham\n","open\nx', "csv:3: a quote opens here.* line 4"),
        ("corpus.csv", b"label,text,text\nham,a,b\n", "csv:1: its header has the column 'text' 2 times"),
        ("corpus.csv", "label,text\nham,a\n".encode("utf-16"), "it is UTF-16.*iconv -f UTF-16 -t UTF-8 corpus.csv"),
        ("corpus", "ham\ta\n".encode("utf-16-be"), "it is UTF-16"),
    ],
)
def test_a_corpus_that_cannot_be_read_says_why(tmp_path, name, content, why):
    with pytest.raises(CorpusError, match=why):
        read(written(tmp_path, name, content))


def test_a_quote_that_is_not_doubled_breaks_its_own_row_alone(tmp_path):
    raw = read(written(tmp_path, "corpus.csv", b'label,text\nham,"say "hi" x"\nham,b\n'))
    assert rows(raw) == [(3, "ham", "b")] and [line for line, _ in raw.broken] == [2]


def test_labels_are_mapped_and_parts_and_kinds_kept(tmp_path):
    path = written(tmp_path, "corpus.csv", b"label,text,kind,region\nsmishing ,a,bank,x\nham,b,otp,y\n")
    labels = {"smishing": "spam", "fraud": "spam"}
    raw = read_corpus(Corpus(name="own", path=path, labels=labels, part="region", kind="kind"))
    assert raw.rows.to_numpy().tolist() == [[2, "spam", "a", "x", "bank"], [3, "ham", "b", "y", "otp"]]
    assert raw.unused == ("fraud",)
    assert read(path).rows[["part", "kind"]].to_numpy().tolist() == [["", ""], ["", ""]]
    with pytest.raises(CorpusError, match=r"csv:1: no column 'area'.* label, text, kind, region"):
        read(path, part="area")
    with pytest.raises(CorpusError, match="UCI's format has no column 'kind'"):
        read(written(tmp_path, "corpus", b"ham\ta\n"), kind="kind")


def test_an_optional_corpus_may_be_missing_and_another_may_not(tmp_path):
    optional = Corpus(name="own", path=tmp_path / "none.csv", role="outside", optional=True)
    assert read_all([optional]) == {}
    with pytest.raises(CorpusError, match=r"none\.csv"):
        read_all([optional.model_copy(update={"optional": False})])


def test_a_missing_corpus_says_how_to_get_it(tmp_path):
    with pytest.raises(CorpusError, match=r"pipelines\.fetch"):
        read(tmp_path / "nothing")
