"""Reports: the notebooks, run in order by papermill, as HTML pages with their metrics and where these come from."""

from shopee_od.reports.making import make_report

__all__ = ["make_report"]
