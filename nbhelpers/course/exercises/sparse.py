"""What the answers to the exercises of notebook 03 must hold to."""
