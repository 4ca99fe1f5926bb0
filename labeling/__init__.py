"""The Django side of Burnish: it remembers images, marks, masks and runs, and serves them."""

from labeling.celery import app as celery_app

__all__ = ["celery_app"]
__version__ = "0.1.0"
