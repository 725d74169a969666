"""The foreground of a network of nnU-Net and of its target: probabilities and one-hot channels."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from segtopo.losses.channel_options import ChannelOptions


@dataclass(frozen=True)
class Foreground:
    """The conventions of a dataset of nnU-Net: classes or regions, with or without voxels to ignore.

    Classes exclude each other: the network has a channel for each of them and for the background, and the target is a
    label map. Regions overlap: the network and the target have a channel for each region. With an ignore label, the
    last channel of such a target marks the voxels to ignore.

    Args:
        has_regions: Whether the network is trained on regions.
        ignore_label: The label of the voxels to ignore, None without one.

    Example:
        >>> import torch
        >>> logits = torch.tensor([[[[9.0, -9.0, 9.0]], [[-9.0, 9.0, -9.0]]]])
        >>> labels = torch.tensor([[[[0, 1, 2]]]])
        >>> prediction, target = Foreground(has_regions=False, ignore_label=2).channels(logits, labels)
        >>> prediction.round(), target
        (tensor([[[[0., 1., 0.]]]]), tensor([[[[0., 1., 0.]]]]))
    """

    has_regions: bool
    ignore_label: int | None

    def channels(self, output: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Converts logits and target to channels of the foreground.

        Args:
            output: ``(B, C, H, W[, D])`` logits.
            target: ``(B, 1, H, W[, D])`` labels of classes, or channels of regions.

        Returns:
            Probabilities and one-hot target of the same shape, without the background, 0 in the ignored voxels.
        """
        if not self.has_regions:
            options = ChannelOptions(
                include_background=False, to_onehot_y=True, softmax=True, ignore_index=self.ignore_label
            )
            return options.prepare(output, target)
        regions = output.shape[1]
        prediction, encoded = ChannelOptions(sigmoid=True).prepare(output, target[:, :regions])
        if self.ignore_label is None:
            return prediction, encoded
        valid = target[:, regions:] == 0
        return prediction * valid, encoded * valid

    def masks(self, prediction: torch.Tensor) -> torch.Tensor:
        """Converts probabilities of the foreground to masks, as nnU-Net does: the most probable class, or above 0.5."""
        if self.has_regions:
            return prediction > 0.5
        background = 1 - prediction.sum(dim=1, keepdim=True)
        most_probable = torch.cat([background, prediction], dim=1).argmax(dim=1, keepdim=True)
        labels = torch.arange(1, prediction.shape[1] + 1, device=prediction.device)
        return most_probable == labels.reshape(1, -1, *[1] * (prediction.ndim - 2))
