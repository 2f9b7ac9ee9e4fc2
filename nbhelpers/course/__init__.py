"""Running and publishing the course: which notebooks there are, papermill, reports, the site."""
