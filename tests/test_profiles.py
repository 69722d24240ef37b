import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopee_od.config import set_values, to_dict
from shopee_od.errors import InputError
from shopee_od.profiles import PROFILES, Profile, describe_overrides, profile, profile_from_dict

sizes = st.integers(1, 20_000)
levels = st.integers(2, 7)


def make_profile(**changes):
    return profile("laptop").replace(**changes)


@given(levels, st.integers(1, 12), sizes, sizes)
def test_a_canvas_has_whole_cells_and_no_more_area_than_a_square(max_level, cells, width, height):
    candidate = make_profile(min_level=2, max_level=max_level, input_size=cells * 2**max_level)
    candidate.check()
    h, w = candidate.canvas(width, height)
    assert h % candidate.stride == 0 and w % candidate.stride == 0 and h > 0 and w > 0
    assert h * w <= candidate.input_size**2


@given(st.integers(2, 12), sizes, sizes)
def test_no_canvas_of_its_area_shows_the_photo_larger(cells, width, height):
    candidate = make_profile(input_size=cells * 32)

    def scale(h, w):
        return min(h / height, w / width)

    h, w = candidate.canvas(width, height)
    others = [(a, b) for a in range(1, cells**2 + 1) for b in range(1, cells**2 // a + 1)]
    # Strips longer than twice the square's side need not be offered.
    best = max(scale(32 * a, 32 * b) for a, b in others if max(a, b) <= 2 * cells)
    assert scale(h, w) >= best * (1 - 1e-6)


def test_canvases_of_common_photos():
    laptop = profile("laptop")
    assert laptop.canvas(500, 500) == (352, 352)
    portrait, landscape = laptop.canvas(400, 600), laptop.canvas(600, 400)
    assert portrait == landscape[::-1] and portrait[0] > portrait[1]
    assert profile("deepfashion").canvas(225, 300) == (384, 256)


@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_works_and_has_a_description(name):
    sizes = profile(name)
    sizes.check()
    assert sizes.name == name and sizes.description
    assert sizes.epochs(1000) == sizes.steps * sizes.batch_size / 1000


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"input_size": 224 + 1},
            r"input_size 225 is not a multiple of 32 \(2\*\*max_level\); use 224 or 256",
        ),
        ({"input_size": 16}, "use 32 or 64"),
        ({"input_size": 0}, "use 32 or 64"),
        ({"min_level": 1}, "levels 1–5; use 2 ≤ min ≤ max"),
        ({"min_level": 6}, "levels 6–5"),
        ({"batch_size": 0}, "batch_size is 0; it must be at least 1"),
        ({"steps": -1}, "steps is -1"),
        ({"rois": 0}, "rois is 0"),
        ({"proposals": 0}, "proposals is 0"),
        ({"train_proposals": 0}, "train_proposals is 0"),
        ({"fpn_filters": 0}, "fpn_filters is 0"),
        ({"head_fc": 0}, "head_fc is 0"),
        ({"head_convs": -1}, "head_convs is -1; it must be 0 or more"),
        ({"anchor_scales": 0}, "anchor_scales is 0"),
        ({"anchor_size": 0.0}, "anchor_size is 0.0; it must be above 0"),
        ({"anchor_ratios": ()}, "anchor_ratios"),
        ({"anchor_ratios": (1.0, -1.0)}, "anchor_ratios"),
        ({"validate_every": 0}, "validate_every is 0"),
        ({"val_photos": 0}, "val_photos is 0"),
        ({"report_every": 0}, "report_every is 0"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0; it must be above 0"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"learning_rate": float("inf")}, "learning_rate is inf"),
        ({"weight_decay": -1.0}, "weight_decay is -1.0"),
        ({"warmup": -1}, "warmup is -1"),
        ({"ema_decay": 1.0}, "ema_decay is 1.0"),
        ({"norm_momentum": 1.0}, "norm_momentum is 1.0"),
        ({"precision": "int8"}, "precision 'int8'; use float32 or bfloat16"),
        ({"optimizer": "adam"}, "optimizer 'adam'; use sgd or adamw"),
        ({"color_jitter": 1.0}, "color_jitter is 1.0; use a share from 0 to under 1"),
        ({"drop_path": -0.1}, "drop_path is -0.1; use a share"),
        ({"class_balance": 1.5}, "class_balance is 1.5; use 0 to 1"),
        ({"scale": (0.0, 1.0)}, "scale"),
        ({"scale": (1.2, 0.8)}, "scale"),
    ],
)
def test_a_bad_size_is_refused_in_one_sentence(changes, message):
    with pytest.raises(InputError, match=message) as error:
        make_profile(**changes).check()
    assert str(error.value).startswith("profile laptop") and "\n" not in str(error.value)


def test_unknown_names_are_refused():
    with pytest.raises(InputError, match="no size 'batchsize'"):
        make_profile(batchsize=4)
    with pytest.raises(
        InputError,
        match="profile 'huge' is not known; choose one of smoke, laptop, shop, gpu, deepfashion",
    ):
        profile("huge")


def test_changes_make_a_copy():
    assert make_profile(steps=1).steps == 1 and profile("laptop").steps > 1
    assert isinstance(make_profile(), Profile) and make_profile() == profile("laptop")


def test_a_profile_has_other_sizes_for_its_data_set():
    plain = profile("laptop")
    shopsim = profile("laptop", "shopsim")
    shopsim.check()
    assert shopsim.steps < plain.steps and shopsim.input_size < plain.input_size
    assert (
        shopsim.replace(
            steps=plain.steps, input_size=plain.input_size, validate_every=plain.validate_every
        )
        == plain
    )
    assert profile("smoke", "shopsim") == profile("smoke") and profile("laptop", "ccp") == plain


def test_the_overrides_of_a_data_set_are_described():
    shopsim = profile("laptop", "shopsim")
    description = describe_overrides(shopsim, "shopsim")
    assert "laptop has other sizes for shopsim" in description
    assert f"steps={shopsim.steps}" in description
    assert "steps" not in describe_overrides(shopsim.replace(steps=3), "shopsim")
    assert describe_overrides(shopsim, "shopsim+categories") == description
    assert describe_overrides(shopsim, "shopsim+ccp") == ""
    assert describe_overrides(profile("laptop"), "shopsim") == ""
    assert describe_overrides(profile("laptop", "ccp"), "ccp") == ""


def test_values_are_set_from_text_and_checked():
    sizes = set_values(profile("laptop"), ["steps=7", "scale=0.5,2", "deterministic=false"])
    assert (sizes.steps, sizes.scale, sizes.deterministic) == (7, (0.5, 2.0), False)
    with pytest.raises(InputError, match="input_size 100 is not a multiple of 32"):
        set_values(profile("laptop"), ["input_size=100"])


def test_a_profile_is_read_as_recorded():
    sizes = make_profile(steps=7, color_jitter=0.1)
    recorded = {k: list(v) if isinstance(v, tuple) else v for k, v in to_dict(sizes).items()}
    assert profile_from_dict(recorded) == sizes


def test_a_profile_recorded_by_version_0_1_0_is_read():
    recorded = to_dict(make_profile(description="old", color_jitter=0.1, class_balance=0.25))
    for old, new in (
        ("says", "description"),
        ("colour", "color_jitter"),
        ("balance", "class_balance"),
    ):
        recorded[old] = recorded.pop(new)
    sizes = profile_from_dict(recorded)
    assert (sizes.description, sizes.color_jitter, sizes.class_balance) == ("old", 0.1, 0.25)


def test_anchors_of_every_profile_meet_garments(shared_data):
    from shopee_od.datasets import open_dataset
    from shopee_od.datasets.check import check_dataset

    street = open_dataset("ccp", shared_data / "ccp").sample(150)
    for name in ("laptop", "gpu", "deepfashion"):
        assert (check_dataset(street, profile(name)).boxes.best >= 0.7).mean() > 0.8, name
