"""The package's version, kept apart so that ``setup.py`` can read it without importing anything."""

__version__ = "1.0.0rc1"
