"""The masks of TorchIO's subjects are scored and repaired as its page says."""

from __future__ import annotations

from typing import Any

import pytest

from oracles.pages import outputs_of_section, python_of_section
from segtopo.masks import betti_numbers


def test_the_masks_of_subjects_are_scored_and_repaired(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torchio", reason="TorchIO is not installed")
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(python_of_section("how-to/lightning.md", "Score the subjects of TorchIO"), names)
    assert capsys.readouterr().out == outputs_of_section("how-to/lightning.md", "Score the subjects of TorchIO")
    assert names["repaired"].spacing == (0.5, 0.5, 2.0)
    subject = names["subject"]
    subject.add_image(names["repaired"], "repaired")
    subject.check_consistent_spatial_shape()
    subject.check_consistent_affine()
    before, after = (betti_numbers(subject[name].data[0] == 1) for name in ("prediction", "repaired"))
    assert (before, after) == ((2, 0, 0), (1, 0, 0))
