"""The machine: its processor, its memory and its GPU driver."""

from __future__ import annotations

import os
import platform
import re
import resource
import subprocess
import sys
from multiprocessing import parent_process
from pathlib import Path
from threading import Thread

import psutil


def peak_memory() -> int:
    """The most memory that this process has held so far, in bytes.

    On Linux getrusage's figure includes the process that started this one; /proc/self/status
    does not.
    """
    if sys.platform == "linux":
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        match = re.search(r"VmHWM:\s+(\d+) kB", status)
        if match:
            return int(match[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def usable_cores() -> int:
    """How many of the processor's cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return psutil.cpu_count() or 1


def end_with_parent() -> None:
    """Ends this process when the one that started it ends, even by being killed.

    A process of a pool would wait for work forever, another one would finish its own for nobody.
    """

    def watch() -> None:
        parent = parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    Thread(target=watch, daemon=True).start()


def cpu_model() -> str:
    """The processor's name, as far as the system tells."""
    try:
        if sys.platform == "darwin":
            command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
            return subprocess.run(
                command, capture_output=True, text=True, check=True, timeout=5
            ).stdout.strip()
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except (OSError, subprocess.SubprocessError):
        pass
    return platform.processor() or platform.machine()


def has_nvidia_driver() -> bool:
    """Whether NVIDIA's driver is loaded, under Linux or WSL2."""
    return any(
        Path(p).exists() for p in ("/proc/driver/nvidia/version", "/usr/lib/wsl/lib/libcuda.so.1")
    )
