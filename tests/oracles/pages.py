"""The Python code of a page of the documentation, for tests that run it where an optional library is installed."""

from __future__ import annotations

import re
from pathlib import Path

PAGES = Path(__file__).parents[2] / ".docs/pages"


def python_of_section(page: str, heading: str) -> str:
    """The Python code below a heading, up to the next heading of its kind."""
    text = (PAGES / page).read_text(encoding="utf-8")
    section = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return "\n".join(re.findall(r"^```python\n(.*?)^```$", section, flags=re.DOTALL | re.MULTILINE))


def outputs_of_section(page: str, heading: str) -> str:
    """The output that a section shows."""
    section = (PAGES / page).read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return "".join(re.findall(r"^```text\n(.*?)^```$", section, flags=re.DOTALL | re.MULTILINE))
