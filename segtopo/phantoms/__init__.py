"""Vessel phantoms of known topology, and simulated images of real masks."""

from segtopo.phantoms.appearance import Appearance, simulate_intensities
from segtopo.phantoms.crops import crops_around_foreground
from segtopo.phantoms.phantom_dataset import write_phantom_dataset
from segtopo.phantoms.simulated_dataset import mask_files, write_simulated_dataset
from segtopo.phantoms.vessel_phantom import Phantom, vessel_phantom

__all__ = [
    "Appearance",
    "Phantom",
    "crops_around_foreground",
    "mask_files",
    "simulate_intensities",
    "vessel_phantom",
    "write_phantom_dataset",
    "write_simulated_dataset",
]
