"""Differentiable diagrams: values gathered at the critical voxels, gradients returned to exactly those."""

import itertools

import numpy as np
import pytest
import torch

from oracles.images import vessel_map
from segtopo.persistence import batch_persistence_diagrams, compute_persistence, persistence_diagrams

SETTINGS = list(itertools.product(("superlevel", "sublevel"), ("V", "T")))
every_setting = pytest.mark.parametrize(("filtration", "construction"), SETTINGS)
DEVICES = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")),
]


def distinct_image(shape, seed=0, dtype=torch.float64):
    """Values so far apart that the small steps of gradcheck cannot exchange two of them."""
    n = int(np.prod(shape))
    order = np.random.default_rng(seed).permutation(n).reshape(shape)
    return torch.as_tensor(order / n).to(dtype)


def squared_lengths(diagrams):
    return sum(((d.births - d.deaths)[~d.essential] ** 2).sum() for d in diagrams)


def counts_at(voxels, shape):
    counts = np.zeros(shape)
    np.add.at(counts, tuple(voxels.T), 1)
    return counts


@pytest.mark.parametrize("shape", [(9, 12), (5, 6, 7)])
@every_setting
def test_one_diagram_per_dimension_with_the_pairs_of_compute_persistence(shape, filtration, construction):
    image = torch.as_tensor(np.random.default_rng(0).integers(0, 6, shape).astype(np.float32))
    settings = {"filtration": filtration, "construction": construction}
    diagrams = persistence_diagrams(image, **settings)
    pairs = compute_persistence(image, **settings)
    assert [diagram.dimension for diagram in diagrams] == list(range(len(shape)))
    for k, diagram in enumerate(diagrams):
        expected = pairs.of_dimension(k)
        for field in ("births", "deaths", "birth_voxels", "death_voxels", "essential"):
            np.testing.assert_array_equal(getattr(diagram, field).numpy(), getattr(expected, field), err_msg=field)
        assert diagram.birth_voxels.dtype == diagram.death_voxels.dtype == torch.int64
        assert diagram.essential.dtype == torch.bool


def test_dimensions_without_bars_have_empty_diagrams_that_keep_the_graph():
    image = torch.linspace(0, 1, 12).reshape(3, 4).requires_grad_()
    loops = persistence_diagrams(image)[1]
    assert loops.births.shape == loops.deaths.shape == (0,)
    assert loops.birth_voxels.shape == loops.death_voxels.shape == (0, 2)
    (loops.births - loops.deaths).sum().backward()
    assert torch.equal(image.grad, torch.zeros(3, 4))


def test_min_persistence_and_num_threads_are_passed_on():
    image = distinct_image((9, 12))
    diagrams = persistence_diagrams(image, min_persistence=0.3, num_threads=1)
    lengths = torch.cat([(d.births - d.deaths)[~d.essential] for d in diagrams])
    everything = torch.cat([(d.births - d.deaths)[~d.essential] for d in persistence_diagrams(image)])
    assert 0 < len(lengths) == int((everything > 0.3).sum()) < len(everything)


# Gradients


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(9, 12), (5, 6, 7)])
@every_setting
def test_the_gradient_reaches_exactly_the_critical_voxels(shape, filtration, construction, dtype, device):
    values = np.random.default_rng(1).integers(0, 12, shape)
    image = torch.as_tensor(values, dtype=dtype, device=device).requires_grad_()
    diagrams = persistence_diagrams(image, filtration=filtration, construction=construction)
    births = sum(diagram.births.sum() for diagram in diagrams)
    deaths = sum(diagram.deaths[~diagram.essential].sum() for diagram in diagrams)
    (births + 10 * deaths).backward()

    pairs = compute_persistence(values, filtration=filtration, construction=construction)
    expected = counts_at(pairs.birth_voxels, shape) + 10 * counts_at(pairs.death_voxels[~pairs.essential], shape)
    assert image.grad.dtype == dtype
    assert image.grad.device == image.device
    np.testing.assert_array_equal(image.grad.double().cpu().numpy(), expected)


@pytest.mark.parametrize("shape", [(5, 7), (3, 4, 5)])
@every_setting
def test_first_and_second_derivatives(shape, filtration, construction):
    image = distinct_image(shape).requires_grad_()

    def bars(x):
        diagrams = persistence_diagrams(x, filtration=filtration, construction=construction)
        return torch.cat([torch.cat([d.births, d.deaths[~d.essential]]) for d in diagrams])

    def cubed_lengths(x):
        diagrams = persistence_diagrams(x, filtration=filtration, construction=construction)
        return sum(((d.births - d.deaths)[~d.essential] ** 3).sum() for d in diagrams)

    assert len(bars(image)) > 3
    assert torch.autograd.gradcheck(bars, image)
    assert torch.autograd.gradcheck(cubed_lengths, image)
    assert torch.autograd.gradgradcheck(cubed_lengths, image)


def test_a_step_down_the_gradient_shortens_the_bars():
    image = distinct_image((9, 12)).requires_grad_()
    before = squared_lengths(persistence_diagrams(image))
    before.backward()
    after = squared_lengths(persistence_diagrams((image - 1e-3 * image.grad).detach()))
    predicted = -1e-3 * image.grad.square().sum()
    assert (after - before).item() == pytest.approx(predicted.item(), rel=0.02)


def test_without_requires_grad_nothing_is_recorded():
    for diagram in persistence_diagrams(distinct_image((5, 7))):
        assert not diagram.births.requires_grad
        assert not diagram.deaths.requires_grad


def test_under_no_grad_nothing_is_recorded():
    image = distinct_image((5, 7)).requires_grad_()
    with torch.no_grad():
        assert not any(diagram.births.requires_grad for diagram in persistence_diagrams(image))


def test_essential_classes_carry_no_gradient_at_their_death():
    image = distinct_image((5, 7)).requires_grad_()
    components = persistence_diagrams(image)[0]
    assert components.deaths[components.essential].tolist() == [-np.inf]
    components.births[components.essential].sum().backward()
    expected = torch.zeros(5, 7)
    expected[tuple(components.birth_voxels[components.essential][0])] = 1
    assert torch.equal(image.grad.float(), expected)


# Types, layouts, devices


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("shape", [(24, 31), (9, 11, 13)])
def test_half_precision_is_ordered_in_float32(dtype, shape, device):
    image = torch.as_tensor(vessel_map(shape, 3, radius=1.5)).to(device, dtype)
    for low, full in zip(persistence_diagrams(image), persistence_diagrams(image.float()), strict=True):
        assert torch.equal(low.birth_voxels, full.birth_voxels)
        assert torch.equal(low.death_voxels, full.death_voxels)
        assert torch.equal(low.births.float(), full.births)
        assert torch.equal(low.deaths.float(), full.deaths)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("min_persistence", [0.1, 0.25, 0.7])
def test_half_precision_is_filtered_in_float32(dtype, min_persistence):
    image = torch.as_tensor(np.random.default_rng(5).random((40, 50))).to(dtype)
    low = persistence_diagrams(image, min_persistence=min_persistence)
    full = persistence_diagrams(image.float(), min_persistence=min_persistence)
    assert [len(d.births) for d in low] == [len(d.births) for d in full]


@pytest.mark.parametrize("device", DEVICES)
def test_training_step_under_autocast(device):
    torch.manual_seed(0)
    net = torch.nn.Conv2d(1, 1, 3, padding=1, device=device)
    with torch.autocast(device, dtype=torch.bfloat16):
        output = net(torch.rand(1, 1, 13, 17, device=device))
        loss = squared_lengths(persistence_diagrams(output[0, 0].sigmoid()))
    assert output.dtype == torch.bfloat16
    loss.backward()
    assert torch.isfinite(net.weight.grad).all()
    assert net.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("shape", [(9, 12), (5, 6, 7)])
def test_layout_in_memory_does_not_matter(shape):
    image = distinct_image(shape[::-1])
    transposed = image.permute(*reversed(range(len(shape)))).requires_grad_()
    copy = transposed.detach().contiguous().requires_grad_()
    for tensor in (transposed, copy):
        squared_lengths(persistence_diagrams(tensor)).backward()
    assert torch.equal(transposed.grad, copy.grad)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_diagrams_stay_on_the_device_of_the_image():
    for diagram in persistence_diagrams(distinct_image((5, 7)).cuda()):
        for field in ("births", "deaths", "birth_voxels", "death_voxels", "essential"):
            assert getattr(diagram, field).is_cuda


def test_nan_is_refused():
    image = torch.zeros(4, 5)
    image[2, 3] = torch.nan
    with pytest.raises(ValueError, match=r"\b1\b.*\(2, 3\)"):
        persistence_diagrams(image)


# Batches


@pytest.mark.parametrize("num_threads", [1, 2, None])
@pytest.mark.parametrize("shape", [(5, 9, 12), (3, 5, 6, 7), (1, 4, 6)])
@every_setting
def test_a_batch_gives_the_diagrams_of_its_images(shape, filtration, construction, num_threads):
    images = torch.as_tensor(np.random.default_rng(2).integers(0, 9, shape).astype(np.float32)).requires_grad_()
    alone = images.detach().clone().requires_grad_()
    settings = {"filtration": filtration, "construction": construction, "min_persistence": 1.0}
    batch = batch_persistence_diagrams(images, num_threads=num_threads, **settings)
    one_by_one = [persistence_diagrams(image, **settings) for image in alone]
    for together, apart in zip(batch, one_by_one, strict=True):
        for ours, theirs in zip(together, apart, strict=True):
            assert ours.dimension == theirs.dimension
            for field in ("births", "deaths", "birth_voxels", "death_voxels", "essential"):
                assert torch.equal(getattr(ours, field), getattr(theirs, field))

    sum(squared_lengths(diagrams) for diagrams in batch).backward()
    sum(squared_lengths(diagrams) for diagrams in one_by_one).backward()
    assert torch.equal(images.grad, alone.grad)


def test_a_batch_of_the_wrong_rank_is_refused():
    with pytest.raises((ValueError, TypeError)):
        batch_persistence_diagrams(torch.zeros(4, 5))
    with pytest.raises((ValueError, TypeError)):
        batch_persistence_diagrams(torch.zeros(2, 3, 4, 5, 6))


def test_an_empty_batch_has_no_diagrams():
    assert list(batch_persistence_diagrams(torch.zeros(0, 4, 5))) == []


def test_nan_in_a_batch_is_refused_with_the_image_it_is_in():
    images = torch.zeros(3, 4, 5)
    images[1, 2, 3] = images[2, 0, 0] = torch.nan
    with pytest.raises(ValueError, match=r"\b2\b.*\(2, 3\).*\b1\b"):
        batch_persistence_diagrams(images)


def test_lifetimes_are_those_of_compute_persistence_and_infinite_ones_have_no_gradient():
    image = distinct_image((9, 12)).requires_grad_()
    pairs = compute_persistence(image)
    for diagram in persistence_diagrams(image):
        expected = pairs.of_dimension(diagram.dimension).persistence
        np.testing.assert_array_equal(diagram.persistence.detach().numpy(), expected)
    components = persistence_diagrams(image)[0]
    components.persistence[components.essential].sum().backward()
    assert torch.equal(image.grad, torch.zeros_like(image))
