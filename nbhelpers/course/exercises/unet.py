"""What the answers to the exercises of notebook 05 must hold to."""
