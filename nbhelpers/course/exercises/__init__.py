"""The exercises: what they ask and their solutions, one Markdown file a notebook, and what each answer must hold to."""
