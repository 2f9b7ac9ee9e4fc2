"""Notebooks 05 and 06: the U-Net and the GANs, their training, and what they paint."""
