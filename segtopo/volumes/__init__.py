"""Medical images and masks in files, with their geometry."""

from segtopo.volumes.file_names import image_extension, image_stem, images_by_name, list_images
from segtopo.volumes.files import read_volume, write_volume
from segtopo.volumes.mask_files import mask_of, read_mask
from segtopo.volumes.volume import Volume, check_same_geometry, crop_volume

__all__ = [
    "Volume",
    "check_same_geometry",
    "crop_volume",
    "image_extension",
    "image_stem",
    "images_by_name",
    "list_images",
    "mask_of",
    "read_mask",
    "read_volume",
    "write_volume",
]
