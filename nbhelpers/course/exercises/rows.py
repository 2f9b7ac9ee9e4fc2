"""What the answers to the exercises of notebook 04 must hold to."""
