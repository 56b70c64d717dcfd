"""Who people are: users, roles, tokens and scopes."""
