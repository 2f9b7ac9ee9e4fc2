"""Notebooks 02 and 03: a pixel's colour from its neighbours, and the sparse system that this makes of a photo."""
