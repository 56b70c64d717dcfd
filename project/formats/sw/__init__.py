"""Swahili, as it is written in Kenya."""
