"""Fills an empty installation with what a fuzzer is to find: the demo business, the people of
``people.json``, texts in every state, and an import with a wrong row."""

import django

SHEET = b"Name,Phone\nCarol,+254700000300\nDan,no phone\n"


def main() -> None:
    from crm.models import Customer
    from crm.registration import register
    from crm.spreadsheets.jobs import queue_import
    from identity.models import User
    from project.setup import load_demo
    from sms.models import Message, MessageStatus
    from tests import factories

    load_demo()
    boss = factories.superuser(username="boss")
    for number, name in enumerate(("ann", "ben")):
        user = User(username=name, email=f"{name}@example.com")
        customer = Customer(name=name.title(), phone_number=f"+25470000020{number}")
        own = register(user, factories.PASSWORD, customer)
        for _ in range(3):
            factories.order(customer=own)
    for status in (*MessageStatus, *[MessageStatus.FAILED] * 3):
        message = factories.message(text=f"This one is: {status.label}")
        Message.objects.filter(pk=message.pk).update(status=status)
    queue_import(boss, "customers.csv", SHEET, kind="customers")


if __name__ == "__main__":
    django.setup()
    main()
