"""The engine: stores, the way in, and the consumer that claims, runs and settles."""
