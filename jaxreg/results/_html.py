"""A result in Jupyter: a line of text, a table, and lines below it. The table as text."""

from html import escape


def shown(headline, columns, rows, *below):
    """HTML of a headline, a table of text cells, and paragraphs below it."""
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f"<p>{escape(headline)}</p>{table}" + "".join(f"<p>{escape(text)}</p>" for text in below)


def text_table(columns, rows):
    """Lines of a table of text cells."""
    table = [columns, *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in table]
