"""Notebook 08 and `make app`: a page to colorize photos by hand."""
