"""What the answers to the exercises of notebook 02 must hold to."""
