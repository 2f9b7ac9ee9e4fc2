"""Running and publishing the course: the notebooks there are, papermill, the committed reference, tables, the site."""
