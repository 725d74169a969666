"""The MONAI script in the README runs as printed, and differs from plain MONAI by two lines."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest

README = Path(__file__).parents[1] / "README.md"


@pytest.fixture(scope="module")
def script() -> str:
    blocks = re.findall(
        r"<!-- monai-script -->\s*```python\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL
    )
    assert len(blocks) == 1, "README.md has one Python block marked <!-- monai-script -->"
    return str(blocks[0])


def test_the_script_trains_with_topology(script: str) -> None:
    names: dict[str, Any] = {}
    exec(script, names)
    assert set(names["loss_function"].components) == {"dice", "cross_entropy", "topology", "topology_weight"}
    assert all(math.isfinite(loss) for loss in names["losses"])
    assert names["losses"][-1] < names["losses"][0]


def test_without_the_two_lines_it_is_plain_monai(script: str) -> None:
    lines = script.splitlines()
    plain = [line for line in lines if "# segtopo" not in line]
    assert len(lines) - len(plain) == 2
    assert "segtopo" not in "\n".join(plain)
    names: dict[str, Any] = {}
    exec("\n".join(plain), names)
    assert names["losses"][-1] < names["losses"][0]
