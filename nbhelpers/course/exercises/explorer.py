"""What the answers to the exercises of notebook 08 must hold to."""
