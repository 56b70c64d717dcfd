"""Why a credential or a try at one is refused, in the words of RFC 6750, section 3.1; and why a
move with accounts and roles is."""

from django.utils.translation import gettext as _
from django.utils.translation import ngettext


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


class TooManyAttempts(Exception):
    """It looks like guessing: HTTP 429. Tells when to come again, and nothing of the account."""

    def __init__(self, wait: int) -> None:
        super().__init__(_("Too many attempts. {when}").format(when=try_again_in(wait)))
        self.wait = wait  # seconds


def try_again_in(seconds: int) -> str:
    """When to come again, for people: in minutes where there are several, rounded up."""
    if seconds > 120:
        return _("Try again in {count} minutes.").format(count=-(-seconds // 60))
    told = ngettext("Try again in {count} second.", "Try again in {count} seconds.", seconds)
    return told.format(count=seconds)


class WrongSignIn(CredentialRefused):
    """No active user has this name and password; which of the two was wrong is not said."""

    def __init__(self) -> None:
        super().__init__(_("Wrong username, email address or password."), error=None)


class WrongCode(CredentialRefused):
    """It is no code of their second factor, or was used."""

    def __init__(self) -> None:
        super().__init__(
            _("Wrong code. Each code is good once, and one of an app for a minute."), None
        )


class CodeIsNeeded(CredentialRefused):
    """The password was right, but the user has a second factor."""

    def __init__(self) -> None:
        super().__init__("A code of your second factor is needed, too.", error=None)


class SecondFactorMissing(CredentialRefused):
    """An Administrator has none, where each must have one."""

    def __init__(self) -> None:
        super().__init__("Set up a second factor first, on the page of your account.", error=None)


# --- Accounts and roles -------------------------------------------------------------------------


class MayNotBe(Exception):
    """A move with accounts, roles or apps is not to be made; its sentence is for who asked."""


class HoldsMore(MayNotBe):
    """To take over the account of somebody with more rights is to raise one's own."""

    def __init__(self, name: str) -> None:
        super().__init__(
            _(
                "You cannot do this to {name}: they may do more than you. Ask somebody who may do "
                "as much as they."
            ).format(name=name)
        )


class GivesMore(MayNotBe):
    """Rights that one lacks are not one's to give, nor to take."""

    def __init__(self, what: str) -> None:
        super().__init__(
            _(
                "You cannot give or take {what}: that allows more than you may do yourself. Ask "
                "somebody who may do all of it."
            ).format(what=what)
        )


class IsOwnAccount(MayNotBe):
    """Who closed the door behind them could not open it again."""

    def __init__(self) -> None:
        super().__init__(
            _("You cannot deactivate or delete your own account. Ask another Administrator.")
        )


class LastAdministrator(MayNotBe):
    """Somebody must be left who can keep people and roles."""

    def __init__(self) -> None:
        super().__init__(
            _(
                "This would leave no Administrator who can sign in. Give somebody else the role "
                "Administrator first."
            )
        )


class RoleIsNeeded(MayNotBe):
    """Apps that were for this role alone would be for everybody, were it gone."""

    def __init__(self, name: str, apps: str) -> None:
        super().__init__(
            _(
                "Only who has the role {name} may use {apps}. Choose there who else may, before "
                "you delete the role."
            ).format(name=name, apps=apps)
        )


class RoleKeepsItsName(MayNotBe):
    """By its name it is known whom the rules for Administrators are for."""

    def __init__(self, name: str) -> None:
        super().__init__(
            _("The role {name} keeps its name. Make another role, and give it instead.").format(
                name=name
            )
        )


class InvitationIsOver(MayNotBe):
    """It was accepted, has expired, was taken back, or nobody answers for it any more."""
