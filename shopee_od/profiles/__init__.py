"""`Profile`, the sizes of a run of the Model Garden detector, and those of the package."""

from shopee_od.profiles.definition import Profile, choose_canvas
from shopee_od.profiles.presets import (
    DATASET_OVERRIDES,
    LAPTOP,
    PROFILES,
    describe_overrides,
    profile,
    profile_from_dict,
)

__all__ = [
    "DATASET_OVERRIDES",
    "LAPTOP",
    "PROFILES",
    "Profile",
    "choose_canvas",
    "describe_overrides",
    "profile",
    "profile_from_dict",
]
