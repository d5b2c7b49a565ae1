"""The HTTP interface, a file for each noun; what the routes do is in app.service."""
