"""Medical images and masks in files, with their geometry."""

from segtopo.volumes.channel_files import group_channel_files, read_channels
from segtopo.volumes.dicom.segmentation_writer import write_dicom_segmentation
from segtopo.volumes.file_names import (
    image_extension,
    image_stem,
    images_by_name,
    is_one_image,
    list_images,
    result_extension,
)
from segtopo.volumes.files import read_volume, write_volume
from segtopo.volumes.mask_files import mask_above, mask_of, read_mask
from segtopo.volumes.orientation import fill_grid, onto_grid
from segtopo.volumes.same_geometry import check_same_geometry
from segtopo.volumes.volume import Segment, Volume, crop_volume

__all__ = [
    "Segment",
    "Volume",
    "check_same_geometry",
    "crop_volume",
    "fill_grid",
    "group_channel_files",
    "image_extension",
    "image_stem",
    "images_by_name",
    "is_one_image",
    "list_images",
    "mask_above",
    "mask_of",
    "onto_grid",
    "read_channels",
    "read_mask",
    "read_volume",
    "result_extension",
    "write_dicom_segmentation",
    "write_volume",
]
