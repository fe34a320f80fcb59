"""The façade: one executor for each kind of code. Usable without Django's settings."""
