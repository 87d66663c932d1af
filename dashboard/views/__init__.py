"""One script per page; each asks data, shows charts, offers actions."""
