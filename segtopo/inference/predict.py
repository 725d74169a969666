"""Segments images with a trained network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from segtopo.case_records import CaseRecords
from segtopo.config.dataset_defaults import write_regions_json
from segtopo.errors import FailedCasesError, InputError, mismatch
from segtopo.inference.dicom_segments import DicomSegments
from segtopo.inference.ensemble import Ensemble
from segtopo.inference.images import ImageFiles, find_images
from segtopo.inference.sliding_windows import choose_device
from segtopo.parallel import Progress, failure_of
from segtopo.repair import RepairedCase, RepairRules
from segtopo.repair.case_repair import describe_repair, hidden_parts, repair_channels
from segtopo.repair.edit_tables import EDIT_TABLE, write_edit_table
from segtopo.repair.nnunet_dataset import DATASET_JSON
from segtopo.volumes import image_extension, result_extension, write_volume

#: Other formats for the results of pictures: JPEG changes masks, GIF is read only, and TIFF alone stores probabilities.
MASK_EXTENSION = dict.fromkeys((".jpg", ".jpeg", ".gif"), ".png")
PROBABILITY_EXTENSION = dict.fromkeys((".jpg", ".jpeg", ".gif", ".bmp", ".png"), ".tiff")
PROBABILITIES = "probabilities"


def predict(
    checkpoints: str | Path | Sequence[str | Path],
    images: str | Path,
    out: str | Path,
    *,
    probabilities: bool = False,
    device: str = "auto",
    overlap: float = 0.5,
    mirror: bool = False,
    repair: bool | RepairRules | Sequence[RepairRules] = False,
    dicom_seg: bool | Sequence[str] = False,
    progress: Progress = lambda case, number, total: None,
) -> list[Path]:
    """Segments images by sliding windows and writes masks of the same name and geometry.

    Args:
        checkpoints: ``best.pt`` or ``last.pt`` of a training, or the folder of a training or of a cross-validation; or
            several of them, whose probabilities are averaged.
        images: An image, as :func:`segtopo.volumes.read_volume` reads it, or a folder of images. Files with the names
            of nnU-Net, ``case_0000`` and ``case_0001``, are the channels of ``case``.
        out: The folder of the masks. It is new or empty, or holds masks of the same checkpoints and options: the images
            that are finished there are skipped.
        probabilities: Also write the probability of the foreground, float32 in [0, 1], to ``out/probabilities``. With
            several classes or regions, each is a channel. Of regions a ``dataset.json`` says the labels, so that
            :func:`segtopo.repair.repair_files` knows them.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:NUMBER``.
        overlap: The overlap of neighbouring windows as a part of their size, in [0, 1). A larger overlap is smoother
            and slower.
        mirror: Average the probabilities over all mirror images of each window. It takes 4 times as long in 2D, 8 times
            in 3D.
        repair: Rules by which the masks are repaired, for all classes or regions or for each, see
            :func:`segtopo.repair.repair_classes` and :func:`segtopo.repair.repair_regions`. True: the rules that the
            training has calibrated, or the default rules if it has none. False: no repair. A repair also writes
            ``out/edits.csv``, which lists every edit.
        dicom_seg: The names of the segments, one for each foreground class, or True for those of the training: also
            write a DICOM segmentation of each image, a DICOM series, to ``out/dicom_seg``. It needs the extra
            ``dicom``.
        progress: Called before each image with its name, its number (from 1) and the number of images.

    Returns:
        The mask files. With two classes they are binary, with more, and with regions, they hold the labels.

    Raises:
        FailedCasesError: Some images cannot be used. The masks of the others are written.
        InputError: A checkpoint cannot be used, there is no image, or ``out`` has other content.
        OutputError: ``out`` cannot be written, or the disk is full.
    """
    images, out = Path(images), Path(out)
    if not 0 <= overlap < 1:
        raise InputError(mismatch("overlap", got=overlap, expected="a number from 0 to less than 1"))
    target = choose_device(device)
    given = [checkpoints] if isinstance(checkpoints, str | Path) else checkpoints
    ensemble = Ensemble([Path(path) for path in given], target, overlap, mirror)
    rules = _rules(repair, ensemble)
    names = ensemble.class_names if dicom_seg is True else dicom_seg
    segments = DicomSegments.of(names, ensemble.data.output_channels)
    found = find_images(images, ensemble.data, ensemble.in_channels)
    settings = {
        "command": "predict",
        "checkpoints": ensemble.identity(),
        "overlap": overlap,
        "mirror": mirror,
        "probabilities": probabilities,
        "repair": None if rules is None else [asdict(own) for own in rules],
        "dicom_seg": None if segments is None else list(segments.names),
    }
    failures: dict[str, str] = {}
    with CaseRecords(out, settings) as records:
        segment = _Segmentation(ensemble, records, rules, segments, probabilities)
        done = {name: records.load(name, files) for name, files in found.items()}
        waiting = [name for name, record in done.items() if record is None]
        for number, name in enumerate(waiting, start=1):
            progress(name, number, len(waiting))
            try:
                done[name] = segment(name, found[name])
            except Exception as error:
                failures[name] = failure_of(error)
        finished = [RepairedCase.from_record(record) for record in done.values() if record is not None]
        if rules is not None and finished:
            write_edit_table(out / EDIT_TABLE, finished)
        if probabilities and finished and ensemble.data.regions is not None:
            write_regions_json(out / PROBABILITIES / DATASET_JSON, ensemble.data)
    if failures:
        raise FailedCasesError(failures, len(found))
    return [out / case.mask for case in finished]


def _rules(repair: bool | RepairRules | Sequence[RepairRules], ensemble: Ensemble) -> list[RepairRules] | None:
    """Returns the rules of all classes (one) or of each, or None for no repair."""
    if repair is False:
        return None
    rules = ensemble.rules if repair is True else repair
    return [rules] if isinstance(rules, RepairRules) else list(rules)


@dataclass(frozen=True)
class _Segmentation:
    """Segments one image, writes its mask and records that it is finished."""

    ensemble: Ensemble
    records: CaseRecords
    rules: list[RepairRules] | None
    segments: DicomSegments | None
    probabilities: bool

    def __call__(self, name: str, files: ImageFiles) -> dict[str, Any]:
        """Returns the record of a case."""
        foreground, volume = self.ensemble(files)
        mask = _file_name(name, files[0], MASK_EXTENSION)
        channels = self.ensemble.data.output_channels
        labels = channels.label_map(foreground)[0].numpy()
        maps = foreground[0].numpy()
        case = RepairedCase(name, mask, volume.ndim, (), ())
        if self.rules is not None:
            rules = self.rules[0] if len(self.rules) == 1 else self.rules
            repaired = repair_channels(maps, channels, rules, spacing=volume.spacing)
            case = describe_repair(repaired, name, mask, volume, hidden_parts(repaired, channels))
            labels = repaired.labels
        written = [mask]
        if self.probabilities:
            written.append(f"{PROBABILITIES}/{_file_name(name, files[0], PROBABILITY_EXTENSION)}")
            write_volume(self.records.out / written[-1], maps[0] if len(maps) == 1 else maps, like=volume)
        if self.segments is not None:
            written.append(self.segments.write(self.records.out, name, files[0], labels, volume))
        is_binary = self.ensemble.data.classes == 2
        write_volume(self.records.out / mask, labels.astype(bool) if is_binary else labels, like=volume)
        record = asdict(case)
        self.records.save(name, files, written, record)
        return record


def _file_name(name: str, path: Path, replaced: dict[str, str]) -> str:
    return name + replaced.get(image_extension(path), result_extension(path))
