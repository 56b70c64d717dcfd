"""The page on which customers place their orders, and follow them."""
