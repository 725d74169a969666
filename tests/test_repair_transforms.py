"""RepairMask and RepairMaskd: the encodings of MONAI, metadata, and the way back to the mask before the repair."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser
from monai.data import DataLoader, Dataset, MetaTensor, decollate_batch, list_data_collate
from monai.engines import SupervisedEvaluator
from monai.transforms import Activationsd, Compose, LoadImaged, SaveImaged

from oracles.images import smooth_noise
from oracles.repair_examples import wide_pieces
from segtopo.errors import InputError
from segtopo.repair import RepairMask, RepairMaskd, RepairRules, repair_classes, repair_mask

RULES = RepairRules(connect_above=0.1, min_piece_size=2, min_hole_size=0)
ARTERY = [[0.9, 0.9, 0.3, 0.9, 0.9, 0.0], [0.0] * 6, [0.6] + [0.0] * 5]
VEIN = [[0.0] * 6, [0.9] * 4 + [0.2, 0.9], [0.0] * 6]
#: The artery without its gap and its speck, and the vein without its gap.
LABELS = [[1, 1, 1, 1, 1, 0], [2, 2, 2, 2, 2, 2], [0] * 6]
BEFORE = [[1, 1, 0, 1, 1, 0], [2, 2, 2, 2, 0, 2], [1, 0, 0, 0, 0, 0]]
SHAPES = {2: (34, 41), 3: (13, 16, 19)}


def softmax() -> torch.Tensor:
    """The probabilities (3, 3, 6) of background, artery and vein."""
    foreground = torch.tensor([ARTERY, VEIN])
    return torch.cat([1 - foreground.sum(dim=0, keepdim=True), foreground])


def several_maps(ndim: int, classes: int, seed: int = 0) -> np.ndarray:
    """Random maps (classes, *spatial) of pieces, specks and holes, with a sum of at most 1."""
    noise = np.stack([smooth_noise(SHAPES[ndim], 10 * seed + label, 1.0) for label in range(classes)])
    maps = 1 / (1 + np.exp(2 - 3 * noise / noise.std()))
    return (maps / np.maximum(maps.sum(axis=0), 1)).astype(np.float32)


def test_one_structure() -> None:
    mask = RepairMask(RULES)(torch.tensor([ARTERY]))
    assert mask.dtype == torch.float32
    assert mask.tolist() == [[[1, 1, 1, 1, 1, 0], [0] * 6, [0] * 6]]


def test_classes_as_label_map_and_as_channels() -> None:
    assert RepairMask(RULES)(softmax()).tolist() == [LABELS]
    channels = RepairMask(RULES, to_onehot=True)(softmax())
    assert channels.tolist() == [(np.array(LABELS) == label).tolist() for label in range(3)]
    of_one = RepairMask(RULES, to_onehot=True)(torch.tensor([VEIN]))
    assert of_one.argmax(dim=0).tolist() == [[0] * 6, [1] * 6, [0] * 6]


def test_regions_that_may_overlap() -> None:
    mask = RepairMask([RULES, RepairRules(connect_above=None)], regions=True)(torch.tensor([ARTERY, ARTERY]))
    assert mask[0].tolist() == [[1, 1, 1, 1, 1, 0], [0] * 6, [0] * 6]
    assert not mask[1].any()  # none of its pieces has 100 voxels


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("like", ["array", "tensor", "half", "MetaTensor"])
def test_the_result_is_that_of_repair_classes(ndim: int, like: str) -> None:
    maps = several_maps(ndim, 2)
    probabilities: Any = np.concatenate([1 - maps.sum(axis=0, keepdims=True), maps])
    if like != "array":
        probabilities = torch.from_numpy(probabilities)
    if like == "half":
        probabilities, maps = probabilities.half(), torch.from_numpy(maps).half().float().numpy()
    if like == "MetaTensor":
        probabilities = MetaTensor(probabilities, affine=torch.eye(4), meta={"filename_or_obj": "a.nii.gz"})
    options: dict[str, Any] = {"touching": False, "union_components": 2}
    mask = RepairMask(RULES, **options)(probabilities)
    assert type(mask) is type(probabilities)
    assert np.array_equal(np.asarray(mask)[0], repair_classes(maps, RULES, **options).labels)
    if like == "MetaTensor":
        assert mask.meta["filename_or_obj"] == "a.nii.gz"


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("betti_numbers", [None, (1, 0, 0)])
@pytest.mark.parametrize(
    ("classes", "options"),
    [(1, {}), (1, {"to_onehot": True}), (3, {}), (3, {"to_onehot": True}), (3, {"regions": True})],
)
def test_the_edits_lead_back_to_the_mask_before(
    ndim: int, betti_numbers: Any, classes: int, options: dict[str, Any]
) -> None:
    numbers = betti_numbers and betti_numbers[:ndim]
    rules = RepairRules(connect_above=0.3, min_piece_size=9, min_hole_size=9, betti_numbers=numbers)
    transform = RepairMaskd("pred", rules, **options)
    kinds = set()
    for seed in range(5):
        probabilities = several_maps(ndim, classes, seed)
        if options.get("regions"):
            before: np.ndarray = probabilities > 0.5
        else:
            background = 1 - probabilities.sum(axis=0, keepdims=True)
            labels = np.argmax(np.concatenate([background, probabilities]), axis=0)[None]
            before = labels == np.arange(classes + 1).reshape(-1, *[1] * ndim) if options else labels
            probabilities = probabilities if classes == 1 else np.concatenate([background, probabilities])
        repaired = transform({"pred": probabilities, "other": 3})
        assert not np.array_equal(repaired["pred"], before)
        kinds |= {edit.kind for of_structure in repaired["pred_edits"] for edit in of_structure}
        undone = transform.inverse(repaired)
        assert set(undone) == {"pred", "other"}
        assert np.array_equal(undone["pred"], before)
        assert undone["pred"].dtype == np.float32
    assert kinds >= {"joined", "piece removed"}


def test_the_edits_of_each_structure() -> None:
    transform = RepairMaskd(["pred", "none"], RULES, "changes", allow_missing_keys=True)
    repaired = transform({"pred": softmax()})
    assert set(repaired) == {"pred", "pred_changes"}
    artery, vein = repaired["pred_changes"]
    assert [(edit.kind, edit.voxel) for edit in artery] == [("joined", (0, 2)), ("piece removed", (2, 0))]
    assert [(edit.kind, edit.voxel) for edit in vein] == [("joined", (1, 4))]
    copy = pickle.loads(pickle.dumps(transform))
    assert copy.inverse(pickle.loads(pickle.dumps(repaired)))["pred"].tolist() == [BEFORE]


@pytest.mark.parametrize(("spacing", "area"), [(None, 5.0), ((1.0, 3.0), 15.0), ((0.5, 0.5), 1.25)])
def test_sizes_are_in_the_units_of_the_metadata(spacing: Any, area: float) -> None:
    probability = torch.zeros(1, 4, 7)
    probability[0, 1, 1:6] = 0.9
    image = MetaTensor(probability, affine=torch.diag(torch.tensor([2.0, 0.5, 7.0, 1.0])))
    for size, kept in ((area - 0.01, True), (area + 0.01, False)):
        assert bool(RepairMask({"min_piece_size": size}, spacing=spacing)(image).any()) is kept
    assert RepairMask({"min_piece_size": 5})(probability).sum() == 5


def test_turned_axes_have_their_own_spacing() -> None:
    affine = torch.tensor([[0.0, -2.0, 0.0, 4.0], [3.0, 0.0, 0.0, 1.0], [0.0, 0.0, 5.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
    probability = torch.zeros(1, 4, 5, 6)
    probability[0, 1, 2, 3] = 0.9
    _, ((removed,),) = RepairMask(RepairRules(min_piece_size=31)).repair(MetaTensor(probability, affine=affine))
    assert (removed.spacing, removed.size_mm) == ((3.0, 2.0, 5.0), 30.0)


def logits_of(case: int) -> np.ndarray:
    """The logits of a map of broken pieces, in the file of a case."""
    return np.asarray(torch.logit(torch.from_numpy(wide_pieces(SHAPES[3], case)), eps=1e-6), np.float32)


@pytest.mark.filterwarnings("ignore:NvImgCodecPydicomReader:UserWarning")  # of LoadImaged, without that library
def test_post_processing_of_an_engine_from_file_to_file(tmp_path: Path) -> None:
    affine = np.diag([0.5, 2.0, 1.5, 1.0])
    affine[:3, 3] = 3, -4, 5
    for case in range(3):
        nibabel.save(nibabel.Nifti1Image(logits_of(case), affine), tmp_path / f"case{case}.nii.gz")
    rules = RepairRules(connect_above=0.02, min_piece_size=30)
    rules.save(tmp_path / "rules.json")
    postprocessing = Compose(
        [
            Activationsd("pred", sigmoid=True),
            RepairMaskd("pred", tmp_path / "rules.json"),
            SaveImaged("pred", output_dir=tmp_path, output_postfix="mask", separate_folder=False, print_log=False),
        ]
    )
    outputs = []
    cases = [{"image": str(tmp_path / f"case{case}.nii.gz")} for case in range(3)]
    loader = Compose([LoadImaged("image", reader="NibabelReader", ensure_channel_first=True)])
    evaluator = SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=DataLoader(Dataset(cases, loader), batch_size=2),
        network=torch.nn.Identity(),
        postprocessing=postprocessing,
        prepare_batch=lambda batch, *_, **__: (batch["image"], None),
    )
    evaluator.add_event_handler("ITERATION_COMPLETED", lambda engine: outputs.extend(engine.state.output))
    evaluator.run()
    assert len(outputs) == 3
    for case, output in enumerate(outputs):
        probability = torch.from_numpy(logits_of(case)).sigmoid()
        expected = repair_mask(probability, rules, spacing=(0.5, 2.0, 1.5))
        assert [[e.voxel for e in edits] for edits in output["pred_edits"]] == [[e.voxel for e in expected.edits]]
        written = nibabel.load(tmp_path / f"case{case}_mask.nii.gz")
        np.testing.assert_allclose(written.affine, affine)
        assert np.array_equal(written.get_fdata() == 1, expected.mask)
        undone = postprocessing.inverse(output)["pred"]
        assert isinstance(undone, MetaTensor)
        assert np.array_equal(undone[0].numpy() == 1, expected.before)
        assert not np.array_equal(expected.before, expected.mask)


def test_a_batch_that_is_decollated() -> None:
    cases = [{"pred": MetaTensor(softmax()), "name": "a"}, {"pred": MetaTensor(softmax().flip(2)), "name": "b"}]
    batch = list_data_collate(cases)
    transform = Compose([RepairMaskd("pred", RULES, to_onehot=True)])
    first, second = (transform(case) for case in decollate_batch(batch))
    assert (first["name"], second["name"]) == ("a", "b")
    assert first["pred"].argmax(dim=0).tolist() == LABELS
    assert second["pred"].argmax(dim=0).flip(1).tolist() == LABELS
    assert transform.inverse(second)["pred"].argmax(dim=0).flip(1).tolist() == BEFORE


def test_rules_of_a_bundle(tmp_path: Path) -> None:
    RULES.save(tmp_path / "artery.json")
    config = {
        "_target_": "segtopo.repair.RepairMaskd",
        "keys": "pred",
        "rules": [str(tmp_path / "artery.json"), {"connect_above": None, "min_piece_size": 2}],
    }
    transform = ConfigParser({"repair": config}).get_parsed_content("repair")
    labels = [LABELS[0], [2, 2, 2, 2, 0, 0], LABELS[2]]
    assert transform({"pred": softmax()})["pred"].tolist() == [labels]


@pytest.mark.parametrize(
    ("rules", "error", "message"),
    [
        ({"connect": 0.1}, InputError, r"rules: got \['connect'\], expected rules among threshold"),
        ({"threshold": 2}, InputError, "rules: threshold: got 2, expected a probability from 0 to 1"),
        ("nowhere.json", InputError, "nowhere.json: got .*, expected a JSON file of repair rules"),
        (0.5, TypeError, "rules: got float, expected RepairRules, a dictionary of rules"),
        ([[RULES]], TypeError, "rules: got list, expected RepairRules"),
    ],
)
def test_ill_rules(rules: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        RepairMask(rules)


@pytest.mark.parametrize("options", [{"to_onehot": True}, {"touching": False}, {"union_components": 1}])
def test_options_that_mean_nothing_for_regions(options: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"(to_onehot|touching|union_components): got .*, expected the default"):
        RepairMaskd("pred", RULES, regions=True, **options)


@pytest.mark.parametrize(
    ("probabilities", "message"),
    [
        (torch.zeros(2, 1, 3, 4, 5), r"probabilities: got shape \(2, 1, 3, 4, 5\), expected \(C, H, W\) or"),
        (torch.zeros(4, 5), r"probabilities: got shape \(4, 5\)"),
        (torch.full((2, 3, 4), 0.9), "probabilities: got a sum of 1.8, expected classes that exclude each other"),
        (torch.full((1, 3, 4), 2.0), "probability: got values from 2 to 2"),
        (torch.full((1, 3, 4), torch.nan), "probability: got 12 NaN"),
        (softmax()[:2] / 2, "rules: got 2 rules, expected one, or 1: one for each class"),
    ],
)
def test_ill_probabilities(probabilities: torch.Tensor, message: str) -> None:
    rules: Any = [RULES, RULES] if len(probabilities) == 2 and probabilities.sum() < 12 else RULES
    with pytest.raises(InputError, match=message):
        RepairMask(rules)(probabilities)


def test_a_batch_is_no_case() -> None:
    batch = MetaTensor(torch.zeros(2, 1, 3, 4))
    batch.is_batch = True
    with pytest.raises(InputError, match="of one case; decollate batches"):
        RepairMask(RULES)(batch)


def test_edits_that_are_not_there() -> None:
    transform = RepairMaskd("pred", RULES)
    with pytest.raises(InputError, match="pred_edits: got no such key, expected the edits that RepairMaskd has stored"):
        transform.inverse({"pred": torch.zeros(1, 3, 4)})
    with pytest.raises(InputError, match="edits: got those of 1 structures, expected those of 2"):
        RepairMask(RULES, to_onehot=True).undo(torch.zeros(3, 3, 4), [()])
