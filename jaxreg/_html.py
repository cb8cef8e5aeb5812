"""What Jupyter shows of a result: a line of text, a table, lines below it."""

from html import escape


def shown(headline, columns, rows, *below):
    """HTML of a headline, a table of text cells, and paragraphs below it."""
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f"<p>{escape(headline)}</p>{table}" + "".join(f"<p>{escape(text)}</p>" for text in below)
