"""Where the database comes from: server, template, worker database."""
