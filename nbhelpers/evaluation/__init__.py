"""How good is a colorization: one loop over colorizers and photos, intervals, the numbers of others and our own."""
