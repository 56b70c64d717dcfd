"""The front door for people: they sign in and up, and keep what they sign in with."""
