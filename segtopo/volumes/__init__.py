"""Reading and writing medical images with their geometry, and simulated images of known topology."""

from segtopo.volumes.beside import written_beside
from segtopo.volumes.crops import crops_around_foreground
from segtopo.volumes.datasets import mask_files, write_phantom_dataset, write_simulated_dataset
from segtopo.volumes.files import (
    image_extension,
    image_stem,
    images_by_name,
    list_images,
    read_mask,
    read_volume,
    write_volume,
)
from segtopo.volumes.intensities import Appearance, simulate_intensities
from segtopo.volumes.phantoms import Phantom, vessel_phantom
from segtopo.volumes.volume import Volume, check_same_geometry, crop_volume

__all__ = [
    "Appearance",
    "Phantom",
    "Volume",
    "check_same_geometry",
    "crop_volume",
    "crops_around_foreground",
    "image_extension",
    "image_stem",
    "images_by_name",
    "list_images",
    "mask_files",
    "read_mask",
    "read_volume",
    "simulate_intensities",
    "vessel_phantom",
    "write_phantom_dataset",
    "write_simulated_dataset",
    "write_volume",
    "written_beside",
]
