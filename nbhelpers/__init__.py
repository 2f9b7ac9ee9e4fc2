"""Helpers for the notebook series on colorizing grey photographs. Import the module you need."""

__version__ = "0.1.0"
