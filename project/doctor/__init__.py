"""Is all well with this installation? Asked by ``manage.py doctor`` and by the health page."""
