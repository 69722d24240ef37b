"""What only notebooks need: their setting, printed figures beside what is expected, checks of exercises, plots."""

from shopee_od.lessons.expected import expect
from shopee_od.lessons.metrics import record
from shopee_od.lessons.setting import Setting, begin

__all__ = ["Setting", "begin", "expect", "record"]
