"""A refusal of an operation, told on the form that was sent: what somebody typed stays there."""

from typing import Any

from django.core.exceptions import ValidationError
from django.forms import ModelForm

from crm.errors import ChangedMeanwhile, Refusal

REFUSALS = (Refusal, ValidationError)


def telling(form: type[ModelForm[Any]], refusal: Refusal | ValidationError) -> Any:
    """A form like this that is found to be wrong for this reason, unless it is for another."""
    return type(form.__name__, (_Refused, form), {"refusal": refusal})


class _Refused:
    """Before a form, which may say in ``field_of`` what its field for a fact is called."""

    refusal: Refusal | ValidationError

    def full_clean(self) -> None:
        super().full_clean()  # type: ignore[misc]  # of the form beside it
        # What is wrong with it by now is mostly the same, and is said better.
        if self.is_bound and not self._errors:  # type: ignore[attr-defined]  # as above
            self._tell()

    def _tell(self) -> None:
        if isinstance(self.refusal, ChangedMeanwhile):
            self.show_conflict(self.refusal)  # type: ignore[attr-defined]  # of the forms of records
        elif not isinstance(self.refusal, ValidationError):
            self.add_error(None, str(self.refusal))  # type: ignore[attr-defined]  # as above
        elif not hasattr(self.refusal, "error_dict"):
            self.add_error(None, self.refusal)  # type: ignore[attr-defined]  # as above
        else:
            called = getattr(self, "field_of", {})
            for fact, said in self.refusal.message_dict.items():
                name = called.get(fact, fact)
                self.add_error(name if name in self.fields else None, said)  # type: ignore[attr-defined]  # as above
