"""Retake: drives ComfyUI until the picture is good.

ARCHITECTURE.md shows the rooms of this package and which may import which.
"""

__version__ = "0.1.0"
