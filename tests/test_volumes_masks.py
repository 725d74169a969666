"""Masks of label maps, of named structures and of values above a threshold."""

import numpy as np
import pytest

from segtopo.errors import InputError
from segtopo.volumes import Volume, mask_above, mask_of

LABELS = np.arange(7 * 5).reshape(7, 5) % 4


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32])
def test_several_labels_are_united(dtype: type) -> None:
    volume = Volume(LABELS.astype(dtype))
    for labels in ([1], [1, 3], {2}, (0, 9), []):
        np.testing.assert_array_equal(mask_of(volume, "a", labels).array, np.isin(LABELS, list(labels)))


def test_a_map_of_fractions_is_refused_with_a_word_about_a_threshold() -> None:
    volume = Volume(LABELS / 7)
    for labels in (None, [1]):
        with pytest.raises(InputError, match=r"map\.nii: got fractions among the 4 values 0, 0\.14.*threshold"):
            mask_of(volume, "map.nii", labels)
    np.testing.assert_array_equal(mask_above(volume, "map.nii", 0.2).array, LABELS > 1)
    np.testing.assert_array_equal(mask_above(Volume(LABELS * 60), "map.png", 60).array, LABELS > 1)


def test_a_mask_of_one_fraction_is_a_mask() -> None:
    np.testing.assert_array_equal(mask_of(Volume((LABELS > 1) * 0.5), "a").array, LABELS > 1)


def test_a_threshold_must_be_finite_and_the_map_have_one_channel() -> None:
    with pytest.raises(InputError, match="threshold: got nan"):
        mask_above(Volume(LABELS), "a", float("nan"))
    with pytest.raises(InputError, match="2 channels"):
        mask_above(Volume(np.stack([LABELS] * 2), has_channels=True), "a", 1)


def test_a_name_needs_a_file_that_names_its_structures() -> None:
    with pytest.raises(InputError, match="got the label 'vein', expected labels that are numbers"):
        mask_of(Volume(LABELS), "a", ["vein"])


def test_equal_channels_are_a_mask_only_as_colours() -> None:
    array = np.stack([LABELS > 1] * 3)
    np.testing.assert_array_equal(mask_of(Volume(array, has_channels=True, is_colour=True), "a").array, LABELS > 1)
    with pytest.raises(InputError, match="3 channels"):
        mask_of(Volume(array, has_channels=True), "a")
