"""What `compute_persistence` takes, returns and refuses."""

import itertools
import multiprocessing
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from oracles.comparison import assert_critical_voxels_exact, bars_of
from oracles.images import smooth_noise, vessel_map
from oracles.naive_persistence import naive_persistence
from segtopo.persistence import compute_persistence

FIELDS = ("dimensions", "births", "deaths", "birth_voxels", "death_voxels", "essential")
SETTINGS = list(itertools.product(("superlevel", "sublevel"), ("V", "T")))


def integers(shape, low=-3, high=4, seed=0):
    return np.random.default_rng(seed).integers(low, high, shape)


def assert_identical(one, other):
    for field in FIELDS:
        np.testing.assert_array_equal(getattr(one, field), getattr(other, field), err_msg=field)


# The result


@pytest.mark.parametrize("shape", [(6, 9), (4, 5, 7)])
@pytest.mark.parametrize(("filtration", "construction"), SETTINGS)
def test_fields(shape, filtration, construction):
    pairs = compute_persistence(integers(shape), filtration=filtration, construction=construction)
    n = len(pairs.births)
    assert n > 1
    assert [getattr(pairs, field).shape for field in FIELDS] == [
        (n,),
        (n,),
        (n,),
        (n, len(shape)),
        (n, len(shape)),
        (n,),
    ]
    assert pairs.essential.dtype == bool
    assert all(
        np.issubdtype(getattr(pairs, field).dtype, np.integer)
        for field in ("dimensions", "birth_voxels", "death_voxels")
    )
    assert (pairs.shape, pairs.filtration, pairs.construction) == (shape, filtration, construction)
    assert pairs.essential.sum() == 1
    assert pairs.dimensions[pairs.essential].tolist() == [0]


def test_defaults_are_superlevel_and_top_cells():
    pairs = compute_persistence(integers((4, 6)))
    assert (pairs.filtration, pairs.construction) == ("superlevel", "T")
    assert_identical(pairs, compute_persistence(integers((4, 6)), filtration="superlevel", construction="T"))


@pytest.mark.parametrize(("filtration", "construction"), SETTINGS)
def test_pairs_are_grouped_by_dimension_the_essential_one_first(filtration, construction):
    pairs = compute_persistence(integers((5, 6, 7)), filtration=filtration, construction=construction)
    assert (np.diff(pairs.dimensions) >= 0).all()
    assert pairs.essential[0]
    assert not pairs.essential[1:].any()


def test_of_dimension_parts_the_pairs():
    pairs = compute_persistence(integers((5, 6, 7)))
    parts = [pairs.of_dimension(k) for k in range(3)]
    assert sum((bars_of(part) for part in parts), start=type(bars_of(pairs))()) == bars_of(pairs)
    for k, part in enumerate(parts):
        assert len(part.births) > 0
        assert (part.dimensions == k).all()
        assert (part.shape, part.filtration, part.construction) == (
            pairs.shape,
            pairs.filtration,
            pairs.construction,
        )


@pytest.mark.parametrize(("filtration", "construction"), SETTINGS)
@pytest.mark.parametrize("value", [0, -2.5, np.inf, -np.inf])
def test_a_constant_image_is_one_component(value, filtration, construction):
    pairs = compute_persistence(np.full((3, 4, 5), value), filtration=filtration, construction=construction)
    assert pairs.births.tolist() == [value]
    assert pairs.essential.tolist() == [True]
    assert pairs.birth_voxels.tolist() == [[0, 0, 0]]
    assert pairs.death_voxels.tolist() == [[-1, -1, -1]]


@pytest.mark.parametrize("shape", [(7, 9), (4, 5, 6)])
@pytest.mark.parametrize(("filtration", "construction"), SETTINGS)
def test_min_persistence_keeps_what_lives_longer(shape, filtration, construction):
    image = integers(shape, 0, 9)
    settings = {"filtration": filtration, "construction": construction}
    everything = bars_of(compute_persistence(image, **settings))
    lengths = {abs(bar.birth - bar.death) for bar in everything if not bar.essential}
    assert len(lengths) > 2
    for threshold in (0, 0.5, *lengths):
        kept = bars_of(compute_persistence(image, min_persistence=threshold, **settings))
        assert kept == type(kept)(
            {bar: n for bar, n in everything.items() if bar.essential or abs(bar.birth - bar.death) > threshold}
        )


@pytest.mark.parametrize("filtration", ["superlevel", "sublevel"])
def test_lengths_beyond_the_largest_float_are_kept(filtration):
    largest = np.finfo(np.float32).max
    image = np.array([[largest, -largest, largest], [-largest, -largest, -largest]])
    image = image if filtration == "superlevel" else -image
    for dtype in (np.float32, np.float64):
        pairs = compute_persistence(image.astype(dtype), filtration=filtration, construction="V", min_persistence=1)
        assert np.abs(pairs.deaths).tolist() == [np.inf, largest]


@pytest.mark.parametrize(("filtration", "construction"), SETTINGS)
@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_min_persistence_among_infinite_values(value, filtration, construction):
    settings = {"filtration": filtration, "construction": construction, "min_persistence": 0.5}
    constant = compute_persistence(np.full((3, 4), value), **settings)
    assert constant.essential.tolist() == [True]
    hill = compute_persistence(np.array([[value, 0, value], [1, 0.75, value]]), **settings)
    assert all(bar.essential or abs(bar.birth - bar.death) > 0.5 for bar in bars_of(hill))


def test_infinite_min_persistence_leaves_the_essential_class():
    assert compute_persistence(integers((7, 9)), min_persistence=np.inf).essential.tolist() == [True]


# The image


@pytest.mark.parametrize(
    "dtype",
    [bool, *"bBhHiIlLqQefd", ">f4", ">i2", "<f8"],
)
@pytest.mark.parametrize("shape", [(6, 9), (4, 5, 6)])
def test_real_dtypes_give_the_values_of_the_image(dtype, shape):
    image = integers(shape, 0, 5).astype(dtype)
    pairs = compute_persistence(image)
    assert_critical_voxels_exact(image, pairs)
    assert_identical(pairs, compute_persistence(image.astype(np.float64)))


@pytest.mark.parametrize("dtype", [np.int64, np.uint64, np.longdouble])
def test_values_beyond_double_precision_are_exact_or_refused(dtype):
    image = np.array([[2**53, 2**53 + 1, 2**53], [2**53 + 1, 2**53 + 2, 2**53 + 3]]).astype(dtype)
    try:
        pairs = compute_persistence(image, construction="V")
    except (TypeError, ValueError) as refusal:
        assert re.search(r"2\*\*53|64 bits", str(refusal))  # noqa: PT017 - one of two right answers, not the only one
        return
    expected = naive_persistence(image, "superlevel", "V")
    assert sorted(bars_of(pairs)) == sorted(itertools.chain.from_iterable(expected))


def test_neighbouring_doubles_are_not_rounded_together():
    image = np.array([[1.0, np.nextafter(1.0, 2.0), 1.0], [0.5, 0.5, 0.5]])
    assert compute_persistence(image).births.tolist() == [np.nextafter(1.0, 2.0)]
    ridge = np.array([[np.nextafter(1.0, 2.0), 1.0, 2.0]])
    assert sorted(compute_persistence(ridge).births.tolist()) == [np.nextafter(1.0, 2.0), 2.0]


@pytest.mark.parametrize(
    "dtype",
    [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.uint8, torch.int64, torch.bool],
)
def test_torch_tensors(dtype):
    image = integers((4, 5, 6), 0, 2)
    assert_identical(compute_persistence(torch.as_tensor(image).to(dtype)), compute_persistence(image))


def test_torch_tensors_that_need_a_gradient_or_are_not_contiguous():
    image = integers((5, 8), 0, 6).astype(np.float32)
    tensor = torch.as_tensor(image).T.requires_grad_()
    assert_identical(compute_persistence(tensor), compute_persistence(image.T))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_tensors():
    image = integers((4, 5, 6))
    assert_identical(compute_persistence(torch.as_tensor(image, device="cuda")), compute_persistence(image))


@pytest.mark.parametrize("shape", [(6, 9), (4, 5, 6)])
@pytest.mark.parametrize(
    "view",
    [
        np.asfortranarray,
        np.transpose,
        lambda image: image[::-1],
        lambda image: image[..., ::-1],
        lambda image: image[..., 1::2],
        lambda image: image[::2],
        lambda image: np.broadcast_to(image[:1], image.shape),
        lambda image: np.swapaxes(image, 0, -1)[::-1],
    ],
)
def test_layout_in_memory_does_not_matter(view, shape):
    image = view(integers(shape))
    for filtration, construction in SETTINGS:
        settings = {"filtration": filtration, "construction": construction}
        assert_identical(compute_persistence(image, **settings), compute_persistence(image.copy("C"), **settings))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_image_is_left_alone_and_may_be_read_only(dtype):
    image = integers((5, 6, 7)).astype(dtype)
    before = image.copy()
    image.flags.writeable = False
    for filtration, construction in SETTINGS:
        compute_persistence(image, filtration=filtration, construction=construction)
    np.testing.assert_array_equal(image, before)


# Threads


@pytest.mark.parametrize(
    "image", [vessel_map((40, 36, 44), 1), smooth_noise((150, 170), 2), integers((30, 28, 33), 0, 3)]
)
@pytest.mark.parametrize(("filtration", "construction"), SETTINGS)
def test_the_number_of_threads_changes_nothing(image, filtration, construction):
    settings = {"filtration": filtration, "construction": construction}
    alone = compute_persistence(image, num_threads=1, **settings)
    for num_threads in (2, 5, None):
        assert_identical(alone, compute_persistence(image, num_threads=num_threads, **settings))


@pytest.mark.parametrize("shape", [(1, 3), (2, 1, 1)])
def test_more_threads_than_voxels(shape):
    assert_identical(
        compute_persistence(integers(shape), num_threads=64),
        compute_persistence(integers(shape), num_threads=1),
    )


def test_calls_from_several_python_threads():
    images = [integers((20, 18, 22), 0, 50, seed) for seed in range(8)]
    with ThreadPoolExecutor(4) as pool:
        for image, pairs in zip(images, pool.map(compute_persistence, images), strict=True):
            assert_identical(pairs, compute_persistence(image))


FORK = """
import multiprocessing
import numpy as np
from segtopo.persistence import compute_persistence

image = np.random.default_rng(0).normal(size=(30, 31, 32))

def count(_):
    return len(compute_persistence(image, num_threads=2).births)

here = count(None)
with multiprocessing.get_context("fork").Pool(2) as pool:
    assert pool.map(count, range(4)) == [here] * 4
"""


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork on this system")
def test_forked_workers_can_compute_after_their_parent_has():
    subprocess.run([sys.executable, "-c", FORK], check=True, timeout=60)


# What is refused


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f4"])
@pytest.mark.parametrize("as_tensor", [False, True])
def test_nan_is_refused_with_count_and_first_position(dtype, as_tensor):
    image = np.zeros((4, 5), dtype)
    image[1, 3] = image[2, 0] = image[3, 4] = np.nan
    if as_tensor:
        image = torch.as_tensor(image.astype(np.dtype(dtype).newbyteorder("=")))
    with pytest.raises(ValueError, match=r"\b3\b.*\(1, 3\)"):
        compute_persistence(image)


def test_a_single_nan_in_3d():
    image = np.zeros((4, 5, 6))
    image[3, 4, 5] = np.nan
    with pytest.raises(ValueError, match=r"\b1\b.*\(3, 4, 5\)"):
        compute_persistence(image)


def test_nan_in_a_transposed_image_is_named_by_its_index_there():
    image = np.zeros((4, 5))
    image[1, 3] = np.nan
    with pytest.raises(ValueError, match=r"\(3, 1\)"):
        compute_persistence(image.T)


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (0, 0), (3, 0, 4)])
def test_empty_axes_are_refused(shape):
    with pytest.raises(ValueError, match="empty") as refusal:
        compute_persistence(np.zeros(shape))
    assert str(shape) in str(refusal.value)


@pytest.mark.parametrize("shape", [(), (5,), (2, 3, 4, 5)])
def test_other_numbers_of_axes_are_refused(shape):
    with pytest.raises((ValueError, TypeError), match=r"2D? or 3"):
        compute_persistence(np.zeros(shape))


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128, object, "U1", "M8[s]"])
def test_dtypes_that_are_not_real_are_refused(dtype):
    with pytest.raises((ValueError, TypeError), match=r"dtype|real"):
        compute_persistence(np.zeros((3, 4), dtype))


def test_complex_tensors_are_refused():
    with pytest.raises((ValueError, TypeError), match=r"dtype|real"):
        compute_persistence(torch.zeros((3, 4), dtype=torch.complex64))


@pytest.mark.parametrize(
    ("argument", "value", "expected"),
    [
        ("filtration", "upper", "superlevel"),
        ("filtration", "SUBLEVEL", "sublevel"),
        ("construction", "F", "'?T'?"),
        ("construction", "v", "'?V'?"),
        ("min_persistence", -0.1, "min_persistence"),
        ("min_persistence", np.nan, "min_persistence"),
        ("num_threads", 0, "num_threads"),
        ("num_threads", -1, "num_threads"),
    ],
)
def test_wrong_arguments_are_refused_with_what_was_received_and_expected(argument, value, expected):
    with pytest.raises(ValueError, match=expected) as refusal:
        compute_persistence(np.zeros((3, 4)), **{argument: value})
    assert str(value) in str(refusal.value)


def test_arguments_after_the_image_are_by_name():
    with pytest.raises(TypeError):
        compute_persistence(np.zeros((3, 4)), "sublevel")
