"""Puts the house together: settings, URLs, the API object, the admin's face and the commands."""
