"""Why there is no backup, or why one is not restored; each says what to do."""


class CannotBackUp(Exception):
    """No backup was made; those before it are as they were."""


class CannotRestore(Exception):
    """The backup is not restored; the data are as they were."""
