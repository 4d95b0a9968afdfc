"""Prints Markdown on a terminal of any width, without leaving anything out."""

from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import Markdown, TableElement
from rich.measure import Measurement
from rich.table import Column, Table
from rich.text import Text

UNBOUNDED = 10_000  # columns


def print_markdown(text: str) -> None:
    console().print(_Markdown(text))


def console() -> Console:
    """As wide as the terminal, and 80 columns where there is none."""
    return _Console(highlight=False)


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Called while the error is handled: it goes on to `command.run`; rich would exit with 1."""
        raise


class _Table(TableElement):
    """A table of more than two columns that does not fit is written row by row; rich would cut its cells off."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        (table,) = super().__rich_console__(console, options)
        for column in table.columns:
            column.overflow = "fold"
        needed = Measurement.get(console, options.update(max_width=UNBOUNDED), table).minimum
        yield table if needed <= options.max_width or len(table.columns) == 2 else _by_row(table)


class _Markdown(Markdown):
    elements = Markdown.elements | {"table_open": _Table}


def _by_row(table: Table) -> Table:
    """The table's cells below each other, each beside the heading of its column, and an empty line between its rows."""
    upright = Table(Column(style="markdown.table.header"), Column(overflow="fold"), box=None, pad_edge=False)
    upright.show_header = False
    for row in zip(*(column.cells for column in table.columns), strict=True):
        upright.add_row()
        for column, cell in zip(table.columns, row, strict=True):
            if Text.from_markup(str(cell)).plain:
                upright.add_row(column.header, cell)
    return upright
