"""What doctor does: look a store over, say what is damaged, and bring back all that can be read."""

from .doctor import doctor
from .findings import Report

__all__ = ["Report", "doctor"]
