"""Customers, orders and their texts over HTTP: parse, call one operation, return a model."""
