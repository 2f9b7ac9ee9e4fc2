"""Notebook 01: sRGB and CIELAB, what chroma is, measures of colour, and the figures that all notebooks share."""
