"""Pages are sent compressed, and nothing else is."""

import gzip

import pytest
from django.test import Client

from tests import factories

pytestmark = pytest.mark.django_db

ASKS = {"accept-encoding": "gzip"}


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(factories.superuser())
    return client


def test_a_page_is_compressed_for_who_asks(client: Client) -> None:
    page = client.get("/admin/crm/order/", headers=ASKS)
    assert page["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in page["Vary"]
    text = gzip.decompress(page.content)
    assert b"<h1" in text
    assert len(page.content) < len(text) / 4


def test_a_page_is_not_compressed_for_who_does_not_ask(client: Client) -> None:
    page = client.get("/admin/crm/order/")
    assert "Content-Encoding" not in page
    assert b"<h1" in page.content


def test_the_api_is_not_compressed_so_that_an_etag_is_that_of_what_was_sent(
    client: Client,
) -> None:
    order = factories.order(item="Lamp " * 39)
    answer = client.get(f"/api/orders/{order.pk}/", headers=ASKS)
    assert "Content-Encoding" not in answer
    assert not answer["ETag"].startswith("W/")
    assert answer.json()["item"].startswith("Lamp")
