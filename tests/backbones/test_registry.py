import subprocess
import sys

import pytest

from shopee_od.backbones import BACKBONES, get_backbone
from shopee_od.errors import InputError


def test_an_unknown_backbone_is_refused():
    with pytest.raises(InputError, match="'vgg' is not known; choose one of efficientnet-lite0"):
        get_backbone("vgg")


def test_the_configuration_takes_the_share_of_dropped_blocks():
    config = get_backbone("resnet-50").config_with_drop_path(0.2)
    assert config["resnet"] == {"model_id": 50, "stochastic_depth_drop_rate": 0.2}
    assert "stochastic_depth_drop_rate" not in BACKBONES["resnet-50"].config["resnet"]


def test_importing_backbones_imports_no_tensorflow():
    code = "import sys, shopee_od.backbones; assert 'tensorflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
