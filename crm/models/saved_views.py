"""How people like to see a list: views of it that they named, and the columns they chose."""

from typing import Any, ClassVar, Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.models.values import validate_one_line
from identity.identifiers import new_id
from identity.models import User


class ViewedList(models.TextChoices):
    """The lists that can be viewed in other ways than they come."""

    CUSTOMERS = "customers", _("Customers")
    ORDERS = "orders", _("Orders")

    @property
    def permission(self) -> str:
        """What a user needs to see the list, and so any view of it."""
        return "crm.view_customer" if self is ViewedList.CUSTOMERS else "crm.view_order"


class SavedViewQuerySet(models.QuerySet["SavedView"]):
    def visible_to(self, user: User) -> Self:
        """The user's own and those that are shared, of the lists that they may see."""
        lists = [each for each in ViewedList if user.has_perm(each.permission)]
        return self.filter(models.Q(owner=user) | models.Q(is_shared=True), list__in=lists)


def keep_shared(collector: Any, field: Any, views: Any, using: str) -> None:
    """Where somebody is deleted: their own views go along, and those that all use stay, nobody's.

    An ``on_delete``, which Django asks with all that were theirs.
    """
    models.SET_NULL(collector, field, views.filter(is_shared=True), using)
    models.CASCADE(collector, field, views.filter(is_shared=False), using)


class SavedView(models.Model):
    """A list as somebody wants to find it again: searched, narrowed, sorted, with its columns.

    ``query`` is what stands behind the question mark in the address of the list.
    """

    MOST_CHARACTERS = 2000  # of a query
    goes_with_its_owner: ClassVar = True  # whoever may delete them needs no right to their views

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.ForeignKey(
        User,
        verbose_name=_("owner"),
        on_delete=keep_shared,
        null=True,
        related_name="saved_views",
    )
    list = models.CharField(_("list"), max_length=20, choices=ViewedList)
    name = models.CharField(_("name"), max_length=60, validators=[validate_one_line])
    query = models.CharField(_("query"), max_length=MOST_CHARACTERS, blank=True)
    is_shared = models.BooleanField(
        _("shared with everybody"),
        default=False,
        help_text=_("Everybody who may see the list finds the view there."),
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = SavedViewQuerySet.as_manager()

    class Meta:
        verbose_name = _("saved view")
        verbose_name_plural = _("saved views")
        ordering: ClassVar = ["name", "id"]
        default_permissions = ()  # one's own are one's own
        permissions: ClassVar = [("share_savedview", "Can share views of lists with everybody")]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["owner", "list", "name"],
                name="crm_saved_view_name_unique",
                violation_error_message=_("You have a view with this name already."),
            )
        ]

    def __str__(self) -> str:
        return self.name


class ColumnChoice(models.Model):
    """The columns that somebody wants to see on a list, where its address does not say."""

    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="column_choices")
    list = models.CharField(max_length=20, choices=ViewedList)
    columns = models.CharField(max_length=500)  # their names, with commas between

    class Meta:
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["owner", "list"], name="crm_column_choice_unique")
        ]

    def __str__(self) -> str:
        return self.columns
