"""Numbers that are given out one after another."""

from django.db import models


class Counter(models.Model):
    """The last number given out in a series, such as that of the customer codes."""

    name = models.CharField(max_length=50, primary_key=True)
    value = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name}: {self.value}"
