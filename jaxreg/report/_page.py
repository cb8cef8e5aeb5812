"""The text of the page: template, style, scripts, sections in HTML, and the numbers for the scripts."""

import json
from html import escape
from importlib.resources import files
from string import Template

from jaxreg.report import _judged, _sections
from jaxreg.report._content import content

# each script uses only the scripts before it; page.js starts the page
SCRIPTS = "dom.js", "scales.js", "chart.js", "figures.js", "table.js", "page.js"


def page(result, title, data_source, notes) -> str:
    """The page of a PathResult or CVResult. All of its text is encodable as UTF-8."""
    judged = _judged.judged_at_choice(result) if result._cross_validated else None
    numbers = content(result, judged)
    sources = files("jaxreg.report") / "page"
    text = Template((sources / "page.html").read_text("utf-8")).substitute(
        title=escape(title),
        headline=escape(result._headline()),
        explanation="".join(f"<p>{escape(sentence)}</p>" for sentence in result._explanation()),
        notes=_sections.notes_section(notes),
        held_out=_sections.held_out_section(numbers["held_out"], numbers["figures"], judged),
        reproduce=_sections.reproduce_section(result, data_source),
        certificates=_sections.certificates_section(result),
        timings=_sections.timings_section(result),
        data=_sections.data_section(result),
        style=(sources / "page.css").read_text("utf-8"),
        script="\n".join((sources / name).read_text("utf-8") for name in SCRIPTS),
        content=_for_script(numbers),
    )
    # surrogates that names and titles may hold have no place in UTF-8
    return text.encode("utf-8", "xmlcharrefreplace").decode("utf-8")


def _for_script(values):
    """JSON that no parser of HTML takes for the end of a script."""
    text = json.dumps(values, allow_nan=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
