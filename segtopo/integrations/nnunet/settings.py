"""The settings of the trainers: a small YAML file, or YAML in the environment variable itself."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import ValidationError, create_model, model_validator

from segtopo import losses
from segtopo.atomic_output import atomic_output
from segtopo.config.error_messages import error_message, show
from segtopo.config.losses import TOPOLOGY_SECTIONS, LossSection
from segtopo.config.section import NonNegative, NonNegativeInt, Positive, PositiveInt, Probability, Section
from segtopo.config.yaml_reading import read_yaml
from segtopo.errors import InputError, mismatch
from segtopo.integrations.nnunet.environment import SETTINGS
from segtopo.losses import TopologySchedule, TopologyWeight

if TYPE_CHECKING:
    from typing_extensions import Self

#: The copy in the folder of a training, from which it continues.
SETTINGS_FILE = "segtopo_nnunet.yaml"
EXPECTED = "a YAML file of settings, or settings as {num_epochs: 200}"


class TrainerSettings(Section):
    """The settings of a trainer.

    Attributes:
        topology_loss: The options of the loss, by their names in Python, for instance ``{threshold: 0.9}``. Activation
            and encoding follow from the dataset.
        gradient_ratio: Norm of the weighted gradient of the topology divided by that of nnU-Net's loss, at the logits
            of the finest output. None: the default of the loss, unless ``lambda_topology`` is given.
        lambda_topology: A constant weight of the topological loss, not negative.
        start_epoch: First epoch with the topological loss; epochs count from 0. None: after a tenth of the training.
        ramp_epochs: Epochs from ``start_epoch`` until the weight is full. None: a tenth of the training.
        dice_tolerance: The pseudo Dice that ``checkpoint_best_topology.pth`` may lose against the best.
        num_epochs: Epochs of the training. This option and those below have the names and the meaning of nnU-Net's
            trainer; None is its default.
        num_iterations_per_epoch: Iterations of an epoch.
        num_val_iterations_per_epoch: Validation iterations of an epoch.
        initial_lr: The learning rate of the first epoch.
        save_every: Epochs between two checkpoints.
        enable_deep_supervision: Whether the loss has all outputs of the network.
    """

    topology_loss: LossSection
    gradient_ratio: NonNegative | None = None
    lambda_topology: NonNegative | None = None
    start_epoch: NonNegativeInt | None = None
    ramp_epochs: NonNegativeInt | None = None
    dice_tolerance: Probability = 0.01
    num_epochs: PositiveInt | None = None
    num_iterations_per_epoch: PositiveInt | None = None
    num_val_iterations_per_epoch: PositiveInt | None = None
    initial_lr: Positive | None = None
    save_every: PositiveInt | None = None
    enable_deep_supervision: bool | None = None

    def of_nnunet(self) -> dict[str, Any]:
        """Returns the settings that are attributes of nnU-Net's trainer, those that are not None."""
        names = (
            "num_epochs",
            "num_iterations_per_epoch",
            "num_val_iterations_per_epoch",
            "initial_lr",
            "save_every",
            "enable_deep_supervision",
        )
        return {name: value for name in names if (value := getattr(self, name)) is not None}

    def weighting(self, num_epochs: int) -> TopologyWeight:
        """Returns the weight of the topological loss in a training of so many epochs.

        Raises:
            InputError: The topological loss would begin after the end of the training.
        """
        tenth = num_epochs // 10
        start = tenth if self.start_epoch is None else self.start_epoch
        if start >= num_epochs:
            expected = f"a number below {num_epochs}, the number of epochs"
            raise InputError(mismatch(f"{SETTINGS}: start_epoch", got=start, expected=expected))
        schedule = TopologySchedule(start, tenth if self.ramp_epochs is None else self.ramp_epochs)
        loss = getattr(losses, self.topology_loss.name)
        return TopologyWeight(self.gradient_ratio, self.lambda_topology, schedule, loss)

    @model_validator(mode="after")
    def _check_weight(self) -> Self:
        TopologyWeight(self.gradient_ratio, self.lambda_topology)
        return self

    def save(self, folder: str | Path) -> None:
        """Writes the settings to the folder of a training."""
        with atomic_output(Path(folder) / SETTINGS_FILE) as part:
            part.write_text(yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False), encoding="utf-8")


@cache  # settings are equal only if they are of one class
def settings_of(loss: str, **options: Any) -> type[TrainerSettings]:
    """Returns the settings of the trainer with a loss, and with default options unlike the loss's."""
    section = TOPOLOGY_SECTIONS[loss]
    keys: dict[str, Any] = {"topology_loss": (section, section(name=loss, **options))}
    return create_model("TrainerSettings", __base__=TrainerSettings, **keys)


def read_settings(schema: type[TrainerSettings], saved: str | Path | None) -> TrainerSettings:
    """Reads the settings of a trainer.

    Args:
        schema: The settings of the trainer.
        saved: The folder of a training that continues: its settings are used if the environment variable is not set.

    Raises:
        InputError: Names the file or variable, the key, the value and the values allowed, in one line.
    """
    text = os.environ.get(SETTINGS, "")
    path = Path(text) if text else Path(saved or "") / SETTINGS_FILE
    if text and path.suffix.lower() not in (".yaml", ".yml"):
        return _checked(schema, text, SETTINGS)
    if not text and (saved is None or not path.is_file()):
        return _checked(schema, "{}", SETTINGS)
    return _checked(schema, _text_of(path), str(path))


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        got = "no such file" if isinstance(error, FileNotFoundError) else "a file that cannot be read as text"
        raise InputError(mismatch(path, got=got, expected=EXPECTED)) from None


def _checked(schema: type[TrainerSettings], text: str, source: str) -> TrainerSettings:
    data = read_yaml(text, source)
    if not isinstance(data, dict):
        raise InputError(mismatch(source, got=show(data), expected=EXPECTED))
    options = data.get("topology_loss", {})
    if isinstance(options, dict):
        # The settings need not name the loss again, and change only the options that they name.
        default = schema.model_fields["topology_loss"].default.model_dump(mode="json", exclude_unset=True)
        data = {**data, "topology_loss": default | options}
    try:
        # In strict mode only JSON may have lists for tuples.
        return schema.model_validate_json(json.dumps(data))
    except ValidationError as error:
        raise InputError(error_message(error.errors(include_url=False), schema, source, ())) from None
