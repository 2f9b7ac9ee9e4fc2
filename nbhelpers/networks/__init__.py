"""Notebooks 05 and 06, and the hints of 08: the U-Net and the GANs, their training, and their predictions."""
