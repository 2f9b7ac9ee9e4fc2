"""What the answers to the exercises of notebook 07 must hold to."""
