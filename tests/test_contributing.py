"""The worked example of CONTRIBUTING: a loss that is added by the recipe alone passes the tests of all losses."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[1]

# The recipe: the file beside the other losses, the export in their package, the row in the table of tests.
FOLLOW = """
import sys
import pytest
from segtopo import losses
losses.__path__.append(sys.argv[1])
exec(sys.argv[2], vars(losses))
losses.__all__.append("VolumeLoss")
from oracles import losses as table
table.LOSSES.append(losses.VolumeLoss)
table.ROWS["VolumeLoss"] = losses.VolumeLoss
files = [f"tests/test_{name}.py" for name in ("losses_table", "losses_matrix", "training_losses")]
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "-k", "VolumeLoss", *files]))
"""


def block(name: str) -> str:
    """The block of code after a comment."""
    text = (ROOT / ".github/CONTRIBUTING.md").read_text(encoding="utf-8")
    (found,) = re.findall(rf"<!-- {name} -->\n *```python\n(.*?) *```", text, flags=re.DOTALL)
    return textwrap.dedent(found)


def test_a_loss_that_follows_the_recipe_is_like_all_others(tmp_path: Path) -> None:
    (tmp_path / "volume.py").write_text(block("the file of the example"), encoding="utf-8")
    command = [sys.executable, "-c", FOLLOW, str(tmp_path), block("the line of the example")]
    path = os.pathsep.join([str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")])
    run = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": path}, capture_output=True, encoding="utf-8", check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    passed = re.search(r"(\d+) passed", run.stdout)
    assert passed
    assert int(passed[1]) > 60
