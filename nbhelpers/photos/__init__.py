"""Photos to learn from: `open_photos(source)`; sources, decoding and cache, licences, all photos in one file."""

from nbhelpers.photos.sets import Photos, PhotoSet, open_photos

__all__ = ["PhotoSet", "Photos", "open_photos"]
