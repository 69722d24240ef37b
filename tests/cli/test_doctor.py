import hashlib
import json
import shutil
import subprocess
import sys
from importlib import metadata
from types import SimpleNamespace

import pytest

from shopee_od import io
from shopee_od.backbones.weights import WEIGHTS
from shopee_od.cli import doctor
from shopee_od.cli.doctor import Check
from shopee_od.models import SHIPPED
from shopee_od.system import cpu_model

REQUIRES = ["numpy>=1.26,<3", "pillow>=10.3", 'ruff>=0.6; extra == "dev"']


@pytest.fixture
def installed(monkeypatch):
    """As if shopee-od were installed with REQUIRES, in any environment."""
    package = {"Version": "0.1.0", "Requires-Python": ">=3.11,<3.13"}
    monkeypatch.setattr(doctor.metadata, "metadata", lambda name: package)
    monkeypatch.setattr(doctor.metadata, "requires", lambda name: REQUIRES)


def by_name(checks) -> dict[str, Check]:
    return {check.name: check for check in checks}


def test_versions_are_compared_with_the_ranges(installed, monkeypatch):
    checks = by_name(doctor._check_software())
    assert checks["Python"].ok and checks["numpy"].ok and checks["pillow"].ok
    assert metadata.version("numpy") in checks["numpy"].value
    assert "ruff" not in checks  # an extra
    monkeypatch.setattr(doctor.platform, "python_version", lambda: "3.13.1")
    monkeypatch.setattr(doctor.metadata, "version", lambda name: "9.0")
    checks = by_name(doctor._check_software())
    assert not checks["Python"].ok and "3.13.1" in checks["Python"].value
    assert not checks["numpy"].ok and "make test" in checks["numpy"].fix
    assert not checks["pillow"].ok


def test_a_missing_dependency_and_a_missing_installation_fail(installed, monkeypatch):
    def absent(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(doctor.metadata, "version", absent)
    checks = list(doctor._check_software())
    assert not by_name(checks)["numpy"].ok and doctor.exit_status(checks) == 1
    monkeypatch.setattr(doctor.metadata, "metadata", absent)
    assert by_name(doctor._check_software())["shopee-od"].value == "not installed"


def test_windows_is_referred_to_wsl2(installed, monkeypatch):
    monkeypatch.setattr(doctor.sys, "platform", "win32")
    system = by_name(doctor._check_software())["system"]
    assert not system.ok and "WSL2" in system.fix


def test_the_machine(monkeypatch):
    checks = by_name(doctor._check_machine())
    assert set(checks) == {"CPU", "memory", "disk"} and cpu_model() in checks["CPU"].value
    low = SimpleNamespace(total=2 * doctor.GIB, available=doctor.GIB)
    monkeypatch.setattr(doctor.psutil, "virtual_memory", lambda: low)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: SimpleNamespace(free=10))
    checks = by_name(doctor._check_machine())
    assert checks["memory"].value == "2.0 GiB, 1.0 GiB free"
    assert not checks["memory"].ok and not checks["disk"].ok
    assert doctor.exit_status(list(checks.values())) == 0  # a warning, no failure


@pytest.mark.parametrize(
    ("system", "environment", "driver", "cuda", "library", "reason", "fix"),
    [
        ("darwin", {}, False, False, False, "macOS", "laptop"),
        ("linux", {"CUDA_VISIBLE_DEVICES": ""}, True, True, True, "hides", "unset"),
        ("linux", {"CUDA_VISIBLE_DEVICES": "-1"}, True, True, True, "hides", "unset"),
        ("linux", {}, False, True, True, "no NVIDIA driver", "laptop"),
        ("linux", {}, True, False, False, "CPU only", ".[gpu]"),
        (
            "linux",
            {"CUDA_VISIBLE_DEVICES": "0"},
            True,
            True,
            False,
            "libraries are missing",
            ".[gpu]",
        ),
        ("linux", {}, True, True, True, "do not fit", "nvidia-smi"),
    ],
)
def test_a_missing_gpu_is_explained(
    monkeypatch, system, environment, driver, cuda, library, reason, fix
):
    def version(name):
        if not library:
            raise metadata.PackageNotFoundError(name)
        return "9.5"

    monkeypatch.setattr(doctor.metadata, "version", version)
    shown_reason, shown_fix = doctor.explain_missing_gpu(system, environment, driver, cuda)
    assert reason in shown_reason and fix in shown_fix


def fake_tensorflow(gpus) -> SimpleNamespace:
    details = SimpleNamespace(get_device_details=lambda gpu: {"device_name": gpu.model})
    config = SimpleNamespace(list_physical_devices=lambda kind: gpus, experimental=details)
    return SimpleNamespace(config=config, test=SimpleNamespace(is_built_with_cuda=lambda: True))


def test_the_gpu_that_tensorflow_finds_is_named(monkeypatch):
    gpu = SimpleNamespace(name="/physical_device:GPU:0", model="NVIDIA A10")
    monkeypatch.setattr(doctor.importlib, "import_module", lambda name: fake_tensorflow([gpu]))
    assert by_name(doctor._check_tensorflow())["GPU"] == Check("GPU", "NVIDIA A10")


def test_no_gpu_is_no_failure_and_a_broken_tensorflow_is(monkeypatch):
    monkeypatch.setattr(doctor, "has_nvidia_driver", lambda: False)
    monkeypatch.setattr(doctor.sys, "platform", "linux")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(doctor.importlib, "import_module", lambda name: fake_tensorflow([]))
    checks = list(doctor._check_tensorflow())
    assert by_name(checks)["GPU"].value == "none: no NVIDIA driver"
    assert doctor.exit_status(checks) == 0

    def broken(name):
        raise ImportError("libtensorflow_framework.so.2: cannot open shared object file")

    monkeypatch.setattr(doctor.importlib, "import_module", broken)
    checks = list(doctor._check_tensorflow())
    assert "libtensorflow" in checks[0].value and doctor.exit_status(checks) == 1


def test_weights_are_compared_with_their_cards(tmp_path):
    assert doctor.exit_status(list(doctor._check_weights(tmp_path))) == 1
    weights, card = tmp_path / "net.npz", tmp_path / "net.json"
    weights.write_bytes(b"numbers")

    def problem():
        (check,) = doctor._check_weights(tmp_path)
        assert check.ok == (check.value == "sha256 matches its card")
        return check.value

    assert "no such file" in problem()
    card.write_text("{}")
    assert "no sha256" in problem()
    card.write_text(json.dumps({"sha256": hashlib.sha256(b"numbers").hexdigest()}))
    assert problem() == "sha256 matches its card"
    weights.write_bytes(b"number5")
    assert "damaged" in problem()
    weights.unlink()
    assert "missing" in problem()


def test_the_shipped_weights_are_whole():
    checks = list(doctor._check_weights(WEIGHTS))
    assert all(check.ok for check in checks), doctor.format_checks(checks)


def test_the_shipped_detector_runs():
    if not (SHIPPED / "detector.json").is_file():
        pytest.skip(f"no detector at {SHIPPED} in this checkout")
    check = doctor._check_detector(SHIPPED)
    assert check.ok and "sha256 matches" in check.value and "parameters" in check.value


@pytest.mark.parametrize("name", ["detector.json", "network.tflite", "variables.npz"])
@pytest.mark.parametrize("damage", ["absent", "damaged"])
def test_a_shipped_detector_with_a_bad_file_fails_with_its_fix(name, damage, tmp_path):
    if not (SHIPPED / "detector.json").is_file():
        pytest.skip(f"no detector at {SHIPPED} in this checkout")
    folder = shutil.copytree(SHIPPED, tmp_path / "shop")
    if damage == "absent":
        (folder / name).unlink()
    else:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])
    check = doctor._check_detector(folder)
    assert not check.ok and name in check.value and "git checkout" in check.fix
    assert "\n" not in check.value and doctor.exit_status([check]) == 1


def test_data_sets_are_found_or_their_fix_is_given(tmp_path):
    for name in doctor.DATASETS["coco"].files:
        path = tmp_path / "coco" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch() if path.suffix else path.mkdir()
    (tmp_path / "ccp").mkdir()
    checks = by_name(doctor._check_datasets(tmp_path))
    assert checks["data coco"].ok
    assert "lacks" in checks["data ccp"].value and "data download ccp" in checks["data ccp"].fix
    assert checks["data deepfashion"].value == f"not at {tmp_path / 'deepfashion'}"
    assert doctor.exit_status(list(checks.values())) == 0


def test_the_text_shows_every_fix_and_a_summary():
    checks = [
        Check("a", "1"),
        Check("bb", "2", False, "do it"),
        Check("c", "3", False, "maybe", needed=False),
    ]
    text = doctor.format_checks(checks)
    assert text.splitlines()[0] == "ok    a   1"
    assert (
        "FAIL  bb  2" in text and "→ do it" in text and "note  c   3" in text and "→ maybe" in text
    )
    assert text.endswith("1 to fix")
    assert doctor.format_checks(checks[:1]).endswith("everything needed is present")


def test_all_parts_are_checked_in_order(installed, monkeypatch):
    monkeypatch.setattr(doctor.importlib, "import_module", lambda name: fake_tensorflow([]))
    names = [check.name for check in doctor.run_checks()]
    parts = ["system", "Python", "numpy", "CPU", "memory", "disk", "TensorFlow", "GPU", "data ccp"]
    assert [name for name in names if name in parts] == parts
    assert any(name.startswith("weights ") for name in names) and len(set(names)) == len(names)


def test_importing_the_doctor_imports_no_tensorflow():
    code = "import sys, shopee_od.cli.doctor; sys.exit('tensorflow' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", code], cwd=io.PACKAGE.parent, check=False).returncode
        == 0
    )
