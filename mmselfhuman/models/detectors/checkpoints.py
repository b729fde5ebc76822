"""Three checkpoints into one detector."""

from collections.abc import Mapping

from mmengine.runner import CheckpointLoader
from torch import nn

from mmselfhuman.utils import only_weights

PARTS: dict[str, str] = {"pose": "pose.estimator", "seg": "seg.segmentor", "pose2seg": "pose2seg.segmentor"}
"""Parts of a :class:`~mmselfhuman.models.detectors.detector.SelfHumanDetector`, and where their networks are."""


def load_parts(detector: nn.Module, checkpoints: Mapping[str, str]) -> None:
    """Load the networks of a detector, each from the checkpoint of its own training.

    Args:
        detector: Changed in place.
        checkpoints: Files or URLs by the names of :data:`PARTS`; networks that are not named stay as they are.

    Raises:
        ValueError: There is no such part, or the checkpoint is one of another network; the message names both.
    """
    for name, checkpoint in checkpoints.items():
        if name not in PARTS:
            raise ValueError(f"no part is named {name!r}; expected some of {list(PARTS)}")
        try:
            network = detector.get_submodule(PARTS[name])
        except AttributeError:
            raise ValueError(f"this detector has no network {PARTS[name]!r} to load {checkpoint} into") from None
        with only_weights():
            state = CheckpointLoader.load_checkpoint(checkpoint, map_location="cpu")
        state = state.get("state_dict", state)
        # What only training needs: the averaged copy's counter, losses' buffers.
        missing, unexpected = network.load_state_dict(state, strict=False)
        if missing or len(unexpected) > len(state) / 2:
            raise ValueError(
                f"{checkpoint} is no checkpoint of the detector's {name} network, {type(network).__name__}: it lacks "
                f"{len(missing)} weights (such as {missing[:2]}), and {len(unexpected)} of its {len(state)} are unknown"
            )
