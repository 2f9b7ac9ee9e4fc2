"""What the answers to the exercises of notebook 06 must hold to."""
