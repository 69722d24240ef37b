"""Reports: the notebooks, run in order by papermill, as HTML pages with metrics and provenance."""

from shopee_od.reports.build import make_report

__all__ = ["make_report"]
