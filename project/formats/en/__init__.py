"""English, as it is written in Kenya."""
