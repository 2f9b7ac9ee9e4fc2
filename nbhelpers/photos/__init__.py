"""Photos to learn from and to colorize: `open_photos(source)`."""

from nbhelpers.photos.sets import Photos, PhotoSet, open_photos

__all__ = ["PhotoSet", "Photos", "open_photos"]
