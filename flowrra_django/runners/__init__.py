"""Running one job's code: job in, outcome out. Runners know no store and no Django."""
