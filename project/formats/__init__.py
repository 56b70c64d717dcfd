"""How dates and numbers are written in Kenya, in both languages: Django knows Swahili without
formats, and writes English as it is written in America."""
