"""The OpenID provider: apps sign people in through it, and call the API with what they get."""
