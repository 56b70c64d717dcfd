"""Why a credential is refused, in the words of RFC 6750, section 3.1."""


class CredentialRefused(Exception):
    """The request has no credential, or one that gives no access: HTTP 401."""

    def __init__(self, message: str, error: str | None = "invalid_token") -> None:
        super().__init__(message)
        self.error = error


class MalformedCredential(Exception):
    """The Authorization header is not of the form ``Bearer <token>``: HTTP 400."""


class InsufficientScope(Exception):
    """The token is good, but not for this: HTTP 403."""

    def __init__(self, scope: str) -> None:
        super().__init__(f"This needs a token with the scope {scope}.")
        self.scope = scope


class WrongSignIn(CredentialRefused):
    """No active user has this name and password; which of the two was wrong is not said."""

    def __init__(self) -> None:
        super().__init__("Wrong username, email address or password.", error=None)
