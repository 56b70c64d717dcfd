"""The wire format: what the API takes and gives, as types."""
