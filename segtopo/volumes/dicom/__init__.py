"""DICOM: series of slices, multi-frame files and segmentations."""
