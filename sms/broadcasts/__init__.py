"""One wording to many people: chosen, reviewed with its price, confirmed, and fed to the queue."""
