import hashlib
import json
import subprocess
import sys
from importlib import metadata
from types import SimpleNamespace

import pytest

from shopee_od import doctor, paths
from shopee_od.doctor import Check

REQUIRES = ["numpy>=1.26,<3", "pillow>=10.3", 'ruff>=0.6; extra == "dev"']


@pytest.fixture
def installed(monkeypatch):
    """As where shopee-od is installed with REQUIRES, whatever the tests run in."""
    about = {"Version": "0.1.0", "Requires-Python": ">=3.11,<3.13"}
    monkeypatch.setattr(doctor.metadata, "metadata", lambda name: about)
    monkeypatch.setattr(doctor.metadata, "requires", lambda name: REQUIRES)


def by_name(checks) -> dict[str, Check]:
    return {check.name: check for check in checks}


def test_versions_are_held_against_the_ranges(installed, monkeypatch):
    found = by_name(doctor._software())
    assert found["Python"].ok and found["numpy"].ok and found["pillow"].ok
    assert metadata.version("numpy") in found["numpy"].value
    assert "ruff" not in found  # an extra
    monkeypatch.setattr(doctor.platform, "python_version", lambda: "3.13.1")
    monkeypatch.setattr(doctor.metadata, "version", lambda name: "9.0")
    found = by_name(doctor._software())
    assert not found["Python"].ok and "3.13.1" in found["Python"].value
    assert not found["numpy"].ok and "make test" in found["numpy"].mend
    assert not found["pillow"].ok


def test_a_missing_dependency_and_a_missing_installation_fail(installed, monkeypatch):
    def absent(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(doctor.metadata, "version", absent)
    checks = list(doctor._software())
    assert not by_name(checks)["numpy"].ok and doctor.status(checks) == 1
    monkeypatch.setattr(doctor.metadata, "metadata", absent)
    assert by_name(doctor._software())["shopee-od"].value == "not installed"


def test_windows_is_sent_to_wsl2(installed, monkeypatch):
    monkeypatch.setattr(doctor.sys, "platform", "win32")
    system = by_name(doctor._software())["system"]
    assert not system.ok and "WSL2" in system.mend


def test_the_machine(monkeypatch):
    found = by_name(doctor._machine())
    assert set(found) == {"CPU", "memory", "disk"} and doctor.cpu_model() in found["CPU"].value
    low = SimpleNamespace(total=2 * doctor.GIB, available=doctor.GIB)
    monkeypatch.setattr(doctor.psutil, "virtual_memory", lambda: low)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: SimpleNamespace(free=10))
    found = by_name(doctor._machine())
    assert found["memory"].value == "2.0 GiB, 1.0 GiB free"
    assert not found["memory"].ok and not found["disk"].ok
    assert doctor.status(list(found.values())) == 0  # a warning, no failure


@pytest.mark.parametrize(
    ("system", "environment", "driver", "cuda", "library", "reason", "mend"),
    [
        ("darwin", {}, False, False, False, "macOS", "laptop"),
        ("linux", {"CUDA_VISIBLE_DEVICES": ""}, True, True, True, "hides", "unset"),
        ("linux", {"CUDA_VISIBLE_DEVICES": "-1"}, True, True, True, "hides", "unset"),
        ("linux", {}, False, True, True, "no NVIDIA driver", "laptop"),
        ("linux", {}, True, False, False, "CPU only", ".[gpu]"),
        ("linux", {"CUDA_VISIBLE_DEVICES": "0"}, True, True, False, "libraries are missing", ".[gpu]"),
        ("linux", {}, True, True, True, "do not fit", "nvidia-smi"),
    ],
)
def test_why_there_is_no_gpu(monkeypatch, system, environment, driver, cuda, library, reason, mend):
    def version(name):
        if not library:
            raise metadata.PackageNotFoundError(name)
        return "9.5"

    monkeypatch.setattr(doctor.metadata, "version", version)
    said = doctor.why_no_gpu(system, environment, driver, cuda)
    assert reason in said[0] and mend in said[1]


def fake_tensorflow(gpus) -> SimpleNamespace:
    details = SimpleNamespace(get_device_details=lambda gpu: {"device_name": gpu.model})
    config = SimpleNamespace(list_physical_devices=lambda kind: gpus, experimental=details)
    return SimpleNamespace(config=config, test=SimpleNamespace(is_built_with_cuda=lambda: True))


def test_the_gpu_that_tensorflow_sees_is_named(monkeypatch):
    gpu = SimpleNamespace(name="/physical_device:GPU:0", model="NVIDIA A10")
    monkeypatch.setattr(doctor.importlib, "import_module", lambda name: fake_tensorflow([gpu]))
    assert by_name(doctor._tensorflow())["GPU"] == Check("GPU", "NVIDIA A10")


def test_no_gpu_is_no_failure_and_a_broken_tensorflow_is(monkeypatch):
    monkeypatch.setattr(doctor, "has_nvidia_driver", lambda: False)
    monkeypatch.setattr(doctor.sys, "platform", "linux")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(doctor.importlib, "import_module", lambda name: fake_tensorflow([]))
    checks = list(doctor._tensorflow())
    assert by_name(checks)["GPU"].value == "none: no NVIDIA driver" and doctor.status(checks) == 0

    def broken(name):
        raise ImportError("libtensorflow_framework.so.2: cannot open shared object file")

    monkeypatch.setattr(doctor.importlib, "import_module", broken)
    checks = list(doctor._tensorflow())
    assert "libtensorflow" in checks[0].value and doctor.status(checks) == 1


def test_weights_are_held_against_their_cards(tmp_path):
    assert doctor.status(list(doctor._weights(tmp_path))) == 1
    weights, card = tmp_path / "net.npz", tmp_path / "net.json"
    weights.write_bytes(b"numbers")

    def problem():
        (check,) = doctor._weights(tmp_path)
        assert check.ok == (check.value == "sha256 as on its card")
        return check.value

    assert "no such file" in problem()
    card.write_text("{}")
    assert "no sha256" in problem()
    card.write_text(json.dumps({"sha256": hashlib.sha256(b"numbers").hexdigest()}))
    assert problem() == "sha256 as on its card"
    weights.write_bytes(b"number5")
    assert "damaged" in problem()
    weights.unlink()
    assert "missing" in problem()


def test_the_shipped_weights_are_whole():
    checks = list(doctor._weights(paths.WEIGHTS))
    assert all(check.ok for check in checks), doctor.text(checks)


def test_data_sets_are_found_or_their_mend_is_said(tmp_path):
    for name in doctor.DATASETS["coco"].files:
        path = tmp_path / "coco" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch() if path.suffix else path.mkdir()
    (tmp_path / "ccp").mkdir()
    found = by_name(doctor._data(tmp_path))
    assert found["data coco"].ok
    assert "lacks" in found["data ccp"].value and "data download ccp" in found["data ccp"].mend
    assert found["data deepfashion"].value == f"not at {tmp_path / 'deepfashion'}"
    assert doctor.status(list(found.values())) == 0


def test_the_text_shows_every_mend_and_a_verdict():
    checks = [
        Check("a", "1"),
        Check("bb", "2", False, "do it"),
        Check("c", "3", False, "maybe", needed=False),
    ]
    text = doctor.text(checks)
    assert text.splitlines()[0] == "ok    a   1"
    assert "FAIL  bb  2" in text and "→ do it" in text and "note  c   3" in text and "→ maybe" in text
    assert text.endswith("1 to mend")
    assert doctor.text(checks[:1]).endswith("everything needed is there")


def test_the_report_has_every_part(installed, monkeypatch):
    monkeypatch.setattr(doctor.importlib, "import_module", lambda name: fake_tensorflow([]))
    names = [check.name for check in doctor.report()]
    parts = ["system", "Python", "numpy", "CPU", "memory", "disk", "TensorFlow", "GPU", "data ccp"]
    assert [name for name in names if name in parts] == parts
    assert any(name.startswith("weights ") for name in names) and len(set(names)) == len(names)


def test_importing_the_doctor_imports_no_tensorflow():
    code = "import sys, shopee_od.doctor; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=paths.PACKAGE.parent, check=False).returncode == 0
