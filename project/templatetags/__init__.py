"""What templates of the house ask Python for."""
