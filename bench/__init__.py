"""What does it cost when the business has grown? Run by hand, never by the tests."""
