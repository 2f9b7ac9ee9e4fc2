"""How good is a colorization: one loop over colorizers, photos and hints, and how sure its means are."""
