"""What somebody looks for by typing: something to do, a page, or a record."""
