"""The endpoints of the provider: for people, and for apps."""
