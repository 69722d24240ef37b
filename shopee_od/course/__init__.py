"""What only the notebooks need: their context, values next to expected ranges, checks, plots."""

from shopee_od.course.context import NotebookContext, setup_notebook
from shopee_od.course.earlier_losses import show_loss_comparison
from shopee_od.course.expected import expect
from shopee_od.course.metrics import record
from shopee_od.course.networks import describe_layers
from shopee_od.course.sample_photos import find_sample_photos

__all__ = [
    "NotebookContext",
    "describe_layers",
    "expect",
    "find_sample_photos",
    "record",
    "setup_notebook",
    "show_loss_comparison",
]
