"""Texts: phone numbers, messages, gateways and delivery."""
