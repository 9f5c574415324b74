"""Plumbline's analysis, storage and services; everything except the dashboard."""

__version__ = "0.1.0"
