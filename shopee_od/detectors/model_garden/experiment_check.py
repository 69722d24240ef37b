"""What would fail later in Model Garden, and less clearly, is refused here."""

from __future__ import annotations

from pathlib import Path

from shopee_od.backbones import get_backbone, is_weights_file, read_card
from shopee_od.detectors.model_garden.experiment import MAX_BOXES, read_checkpoint_modules
from shopee_od.detectors.model_garden.variables import check_variables, has_variables
from shopee_od.errors import InputError
from shopee_od.profiles import Profile


def check_experiment(
    profile: Profile,
    classes: tuple[str, ...],
    max_boxes: int,
    crowded_image: str = "a photo",
) -> None:
    """Refuses what would fail later in Model Garden.

    Args:
        profile, classes: the sizes of the run, and the data set's classes.
        max_boxes, crowded_image: the most boxes that an image has, and its path.
    Raises:
        InputError: sizes, levels, classes, boxes or missing weights, in one sentence.
    """
    profile.check()
    backbone = get_backbone(profile.backbone)
    if profile.max_level > backbone.max_level:
        raise InputError(
            f"profile {profile.name}: {profile.backbone} has levels up to {backbone.max_level}, "
            f"not {profile.max_level}; lower max_level"
        )
    _check_classes(classes)
    if max_boxes > MAX_BOXES:
        raise InputError(
            f"{crowded_image} has {max_boxes} boxes; Model Garden takes at most {MAX_BOXES}: "
            "split the photo"
        )
    if backbone.pretrained:
        read_card()
    can_freeze = profile.backbone.startswith("efficientnet-lite") and (
        backbone.pretrained or profile.weights
    )
    if profile.frozen_level and not (can_freeze and 2 <= profile.frozen_level <= 5):
        raise InputError(
            f"profile {profile.name}: frozen_level {profile.frozen_level} with {profile.backbone}; "
            "use 0, or a level from 2 to 5 of an EfficientNet-Lite with pretrained weights"
        )
    _check_weights(profile)


def _check_weights(profile: Profile) -> None:
    if is_weights_file(profile.weights):
        card = read_card(Path(profile.weights))
        if card["backbone"] != profile.backbone:
            raise InputError(
                f"{profile.weights} are weights of {card['backbone']}, not {profile.backbone}; "
                f"set backbone={card['backbone']}"
            )
    elif has_variables(profile.weights):
        check_variables(profile.weights, profile)
    elif profile.weights and not read_checkpoint_modules(profile.weights):
        raise InputError(
            f"{profile.weights}: no Model Garden checkpoint there; name it as CKPT of CKPT.index, "
            "or name the folder of a run or of a saved detector"
        )


def _check_classes(classes: tuple[str, ...]) -> None:
    if not classes:
        raise InputError("the data set has no classes; a detector needs at least one")
    repeated = [name for name in classes if classes.count(name) > 1]
    if repeated:
        raise InputError(
            f"class {repeated[0]!r} is listed twice in the data set's classes; name it once"
        )
