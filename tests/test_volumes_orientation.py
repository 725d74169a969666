"""Laws of the orientation of a grid: exchange and reversal of axes move no voxel in space."""

from itertools import permutations, product

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from segtopo.errors import InputError
from segtopo.volumes import Volume, onto_grid

ORIENTATIONS = [(order, signs) for order in permutations(range(3)) for signs in product((1, -1), repeat=3)]
PLANAR = [(order, signs) for order in permutations(range(2)) for signs in product((1, -1), repeat=2)]


def oblique(seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    affine = np.eye(4)
    affine[:3, :3] = Rotation.random(random_state=seed).as_matrix() * random.uniform(0.3, 3, 3)
    affine[:3, 3] = random.normal(size=3) * 50
    return affine


def turned(volume: Volume, order: tuple[int, ...], signs: tuple[int, ...]) -> Volume:
    """By nibabel: the voxels in another orientation at their places."""
    ndim = volume.ndim
    orientation = np.array([[order.index(axis), signs[order.index(axis)]] for axis in range(ndim)])
    shape = volume.spatial_shape
    array = nib.orientations.apply_orientation(volume.array, orientation)
    if ndim == 2:
        orientation, shape = np.vstack([orientation, [2, 1]]), (*shape, 1)
    return Volume(array, volume.affine @ nib.orientations.inv_ornt_aff(orientation, shape))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(ORIENTATIONS), st.integers(0, 10**6), st.permutations([2, 3, 5]), st.booleans())
def test_a_turned_volume_comes_back(orientation, seed: int, shape: list[int], two_equal: bool) -> None:
    shape = [3, 3, 5] if two_equal else shape
    volume = Volume(np.random.default_rng(seed).normal(size=shape), oblique(seed))
    other = turned(volume, *orientation)
    back = onto_grid(other, volume)
    np.testing.assert_array_equal(back.array, volume.array)
    np.testing.assert_array_equal(back.affine, volume.affine)
    again = onto_grid(onto_grid(volume, other), volume)
    np.testing.assert_array_equal(again.array, volume.array)
    np.testing.assert_array_equal(again.affine, volume.affine)


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(PLANAR), st.integers(0, 10**6))
def test_a_turned_slice_comes_back(orientation, seed: int) -> None:
    volume = Volume(np.random.default_rng(seed).normal(size=(4, 6)), oblique(seed))
    np.testing.assert_array_equal(onto_grid(turned(volume, *orientation), volume).array, volume.array)


def test_channels_turn_with_their_voxels() -> None:
    array = np.random.default_rng(0).normal(size=(2, 3, 4, 5))
    volume = Volume(array[0], oblique(0))
    other = turned(volume, (2, 0, 1), (1, -1, -1))
    both = np.stack([other.array, turned(Volume(array[1], oblique(0)), (2, 0, 1), (1, -1, -1)).array])
    np.testing.assert_array_equal(onto_grid(Volume(both, other.affine, has_channels=True), volume).array, array)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a + np.eye(4, k=3) * 0.5, "origin"),
        (lambda a: a @ np.diag([1.1, 1, 1, 1]), "spacing"),
        (
            lambda a: (
                np.array(
                    np.block([[Rotation.from_euler("z", 20, degrees=True).as_matrix(), np.zeros((3, 1))], [0, 0, 0, 1]])
                )
                @ a
            ),
            "directions",
        ),
    ],
    ids=["origin", "spacing", "directions"],
)
def test_another_grid_is_refused_by_the_part_that_differs(change, message: str) -> None:
    volume = Volume(np.zeros((30, 40, 50)), np.diag([0.5, 0.75, 2, 1]))
    other = turned(Volume(volume.array, change(volume.affine)), (1, 2, 0), (1, -1, 1))
    with pytest.raises(InputError, match=f"a: got {message} .*, expected the {message} .* of b"):
        onto_grid(other, volume, "a", "b")
    with pytest.raises(InputError, match="shape"):
        onto_grid(Volume(np.zeros((30, 40, 51))), volume)


def test_a_lost_header_is_trusted_on_demand() -> None:
    volume = Volume(np.zeros((3, 4, 5)), oblique(0))
    lost = Volume(np.ones((3, 4, 5)))
    with pytest.raises(InputError):
        onto_grid(lost, volume)
    np.testing.assert_array_equal(onto_grid(lost, volume, trust_grid=True).affine, volume.affine)
    with pytest.raises(InputError, match="shape"):
        onto_grid(Volume(np.ones((5, 4, 3))), volume, trust_grid=True)


def test_a_volume_without_position_takes_that_of_the_reference() -> None:
    volume = Volume(np.zeros((3, 4, 5)), oblique(0))
    unplaced = Volume(np.ones((3, 4, 5)), np.diag([*volume.spacing, 1]), has_position=False)
    placed = onto_grid(unplaced, volume)
    assert placed.has_position
    np.testing.assert_array_equal(placed.affine, volume.affine)
    with pytest.raises(InputError, match="spacing"):
        onto_grid(Volume(np.ones((3, 4, 5)), np.eye(4) * 9, has_position=False), volume)
