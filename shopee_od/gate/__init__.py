"""The gate before training: what in a data set, with a profile's sizes, cannot be learnt; and what to change."""

from shopee_od.gate.findings import Finding, Gate, gate
from shopee_od.gate.pictures import pictures

__all__ = ["Finding", "Gate", "gate", "pictures"]
