"""What the lists of customers and of orders have beyond the rows."""
