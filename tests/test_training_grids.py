"""The grid of a network and the way back: a phantom in the 48 orientations, oblique, of mixed spacings."""

from itertools import permutations, product
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from oracles.tiny_training import tiny_config
from segtopo.config.loading import parse_config
from segtopo.errors import InputError
from segtopo.inference import predict
from segtopo.inference.checkpoint import Checkpoint
from segtopo.inference.grids import TrainingGrid
from segtopo.masks.dice import dice
from segtopo.repair import RepairRules
from segtopo.volumes import Volume, read_volume, write_volume

SHAPE, SPACING = (30, 26, 13), (0.8, 1.0, 2.0)
CENTRE = np.array([4.0, -50.0, 120.0])  # of all images, in mm


def distance_to_phantom(world: np.ndarray, ball_radius: float = 3.5) -> np.ndarray:
    """Signed distance in mm to a rod and a ball that no turn maps onto themselves; below 0 inside."""
    points = world - CENTRE
    start, end = np.array([-7.0, -5.0, -6.0]), np.array([6.0, 7.0, 4.0])
    along = np.clip(((points - start) @ (end - start)) / ((end - start) @ (end - start)), 0, 1)
    rod = np.linalg.norm(points - start - along[..., None] * (end - start), axis=-1) - 2.6
    ball = np.linalg.norm(points - np.array([6.0, -4.0, -5.0]), axis=-1) - ball_radius
    return np.minimum(rod, ball)


def world_of(affine: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return np.moveaxis(np.indices(shape), 0, -1) @ affine[:3, :3].T + affine[:3, 3]


def affine_of(order: tuple[int, ...], signs: tuple[int, ...], rotation: np.ndarray) -> tuple[np.ndarray, tuple]:
    """The affine and the shape of an image of the phantom whose axes lie in this order and direction."""
    shape, spacing = tuple(SHAPE[axis] for axis in order), [SPACING[axis] for axis in order]
    directions = np.zeros((3, 3))
    for axis, (world, sign) in enumerate(zip(order, signs, strict=True)):
        directions[world, axis] = sign
    affine = np.eye(4)
    affine[:3, :3] = rotation @ directions * spacing
    affine[:3, 3] = CENTRE - affine[:3, :3] @ (np.array(shape) - 1) / 2
    return affine, shape


def phantom_volume(affine: np.ndarray, shape: tuple[int, ...]) -> Volume:
    """The phantom with soft edges: 0.5 on its surface."""
    distance = distance_to_phantom(world_of(affine, shape))
    return Volume((0.5 - distance / 6).clip(0, 1).astype(np.float32), affine)


class Threshold(torch.nn.Module):
    """A stand-in for a network: the foreground is brighter than 0.5."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(4.0))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        logit = self.weight * (image - 0.5)
        return torch.cat([-logit, logit], dim=1)


@pytest.fixture
def checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkpoint that resamples to voxels of 1.2 x 0.9 x 1.1 mm, with the stand-in network."""
    config = tiny_config(tmp_path, tmp_path / "out", 3) | {"patch_size": [16, 16, 16]}
    config["data"] |= {"normalization": {"name": "Range", "range": [0, 1]}, "spacing": [1.2, 0.9, 1.1]}
    parse_config(config, "config")
    monkeypatch.setattr(Checkpoint, "build_network", lambda self, path: Threshold())
    path = tmp_path / "checkpoint.pt"
    state = {key: {} for key in ("network", "averaged", "optimizer", "loss", "scaler", "epoch_sums")}
    Checkpoint(config=config, in_channels=1, iteration=0, **state).save(path)
    return path


def check_mask(image: Path, mask: Path) -> None:
    """The mask has the grid of the image, and shows the phantom where it is."""
    before, after = nib.load(image), nib.load(mask)
    assert after.shape == before.shape
    assert after.affine.tobytes() == before.affine.tobytes()
    assert nib.aff2axcodes(after.affine) == nib.aff2axcodes(before.affine)
    distance = distance_to_phantom(world_of(after.affine, after.shape))
    found = np.asarray(after.dataobj) > 0
    assert np.abs(distance[found != (distance < 0)]).max(initial=0) < 0.6
    assert np.mean(found != (distance < 0)) < 0.01


@pytest.mark.parametrize("angle", [0, 17])
def test_all_48_orientations_get_masks_at_the_place_of_the_phantom(
    checkpoint: Path, tmp_path: Path, angle: float
) -> None:
    rotation = Rotation.from_euler("xyz", [angle, -angle, angle / 2], degrees=True).as_matrix()
    images = {}
    for number, (order, signs) in enumerate(product(permutations(range(3)), product((1, -1), repeat=3))):
        affine, shape = affine_of(order, signs, rotation)
        images[f"case_{number:02d}"] = path = tmp_path / "images" / f"case_{number:02d}.nii.gz"
        write_volume(path, phantom_volume(affine, shape).array, Volume(np.zeros(shape), affine))
    assert len({nib.aff2axcodes(nib.load(path).affine) for path in images.values()}) == 48
    masks = predict(checkpoint, tmp_path / "images", tmp_path / "masks", device="cpu")
    assert len(masks) == 48
    for name, path in images.items():
        check_mask(path, tmp_path / "masks" / f"{name}.nii.gz")


def test_all_48_orientations_give_the_network_the_same_image() -> None:
    seen = []
    for order, signs in product(permutations(range(3)), product((1, -1), repeat=3)):
        volume = phantom_volume(*affine_of(order, signs, np.eye(3)))
        grid = TrainingGrid.of(volume, (1.2, 0.9, 1.1), 3)
        seen.append(grid.image_to_grid(volume.array[None])[0])
        back = TrainingGrid.of(volume, "native", 3)
        there = torch.from_numpy(back.image_to_grid(volume.array[None]))
        assert np.array_equal(back.from_grid(there)[0].numpy(), volume.array)
        labels = (volume.array > 0.5).astype(np.uint8)
        assert np.array_equal(back.labels_to_grid(labels, [(1,)]), there[0].numpy() > 0.5)
    assert seen[0].shape == (20, 29, 24)
    assert all(np.allclose(image, seen[0], atol=1e-4) for image in seen)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 5.0), (0.5, 0.5, 2.0), (2.5, 2.5, 2.5), (0.7, 1.9, 1.0)])
def test_mixed_spacings_and_oblique_axes_meet_on_one_grid(
    checkpoint: Path, tmp_path: Path, spacing: tuple[float, ...]
) -> None:
    rotation = Rotation.from_euler("zyx", [30, 12, -20], degrees=True).as_matrix()
    shape = tuple(round(32 / length) for length in spacing)
    affine = np.eye(4)
    affine[:3, :3] = rotation * spacing
    affine[:3, 3] = CENTRE - affine[:3, :3] @ (np.array(shape) - 1) / 2
    image = phantom_volume(affine, shape)
    write_volume(tmp_path / "image.nii.gz", image.array, image)
    (mask,) = predict(checkpoint, tmp_path / "image.nii.gz", tmp_path / "masks", device="cpu", probabilities=True)
    after = nib.load(mask)
    assert after.shape == shape
    assert after.affine.tobytes() == nib.load(tmp_path / "image.nii.gz").affine.tobytes()
    distance = distance_to_phantom(world_of(affine, shape))
    wrong = (np.asarray(after.dataobj) > 0) != (distance < 0)
    assert np.abs(distance[wrong]).max(initial=0) < max(spacing) / 2
    probability = read_volume(tmp_path / "masks" / "probabilities" / "image.nii.gz")
    assert probability.array.shape == shape
    assert np.array_equal(probability.array > 0.5, np.asarray(after.dataobj) > 0)


def test_repair_measures_sizes_on_the_grid_of_the_image(checkpoint: Path, tmp_path: Path) -> None:
    """The rod has 420 mm^3, the ball 180 mm^3, which are 1440 voxels of the image and 150 of the network's grid."""
    affine, shape = np.diag([0.5, 0.5, 0.5, 1.0]), (60, 60, 60)
    affine[:3, 3] = CENTRE - 0.5 * (np.array(shape) - 1) / 2
    image = phantom_volume(affine, shape)
    write_volume(tmp_path / "image.nii.gz", image.array, image)
    rules = RepairRules(connect_above=None, min_piece_size=250.0)
    (mask,) = predict(checkpoint, tmp_path / "image.nii.gz", tmp_path / "masks", device="cpu", repair=rules)
    found = read_volume(mask).array > 0
    rod = distance_to_phantom(world_of(affine, shape), ball_radius=0.0) < 0
    assert dice(found, rod) > 0.95  # 0.82 with the ball


def test_the_way_there_and_back_is_the_same_place() -> None:
    """The coordinates of voxels, linear functions of space, come back unchanged but for the border."""
    volume = Volume(np.zeros((24, 30, 20)), np.diag([1.0, -0.8, 1.5, 1.0]))
    grid = TrainingGrid.of(volume, (1.3, 0.7, 1.4), 3)
    coordinates = np.indices(volume.spatial_shape).astype(np.float32)
    back = grid.from_grid(torch.from_numpy(grid.image_to_grid(coordinates))).numpy()
    assert np.abs(back - coordinates)[:, 4:-4, 4:-4, 4:-4].max() < 0.05


def test_pictures_keep_their_pixels() -> None:
    colours = np.random.default_rng(0).integers(0, 255, (3, 24, 21)).astype(np.uint8)
    picture = Volume(colours, has_channels=True, has_position=False, is_colour=True)
    for spacing in ("native", (1.0, 1.0)):
        grid = TrainingGrid.of(picture, spacing, 2)
        assert np.array_equal(grid.image_to_grid(colours), colours)
        assert grid.shape == (24, 21)


def test_a_stack_without_position_keeps_the_order_of_its_axes() -> None:
    stack = Volume(np.zeros((5, 24, 21)), np.diag([-2.0, 1.0, 1.0, 1.0]), has_position=False)
    assert TrainingGrid.of(stack, "native", 3).axes == (0, 1, 2)
    assert TrainingGrid.of(stack, "native", 3).reversed_axes == (False, False, False)


@pytest.mark.parametrize("constant", [0, 1])
def test_a_volume_with_one_slice_is_a_2d_image_for_a_2d_network(constant: int) -> None:
    array = np.random.default_rng(0).normal(size=(12, 9)).astype(np.float32)
    volume = Volume(np.expand_dims(array, constant), np.diag([1.0, 2.0, 4.0, 1.0]))
    grid = TrainingGrid.of(volume, "native", 2)
    assert np.array_equal(grid.image_to_grid(volume.array[None])[0], array)
    assert np.array_equal(grid.from_grid(torch.from_numpy(array)[None])[0].numpy(), volume.array)
    assert grid.image_spacing == ((2.0, 4.0), (1.0, 4.0))[constant]


def test_another_number_of_axes_is_refused() -> None:
    with pytest.raises(InputError, match=r"scan\.nii: got 3 spatial axes, expected 2, as patch_size has"):
        TrainingGrid.of(Volume(np.zeros((4, 5, 6))), "native", 2, "scan.nii")
    with pytest.raises(InputError, match="got 2 spatial axes, expected 3"):
        TrainingGrid.of(Volume(np.zeros((4, 5))), "native", 3)
