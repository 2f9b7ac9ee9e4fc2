"""What the answers to the exercises of notebook 00 must hold to."""
