"""The OpenAPI 3.1 document that clients are generated from, at ``/api/openapi.json``.

It is made from the routers. An operation gets these without doing anything: its summary (the first
sentence of its docstring) and description (the rest), its scope (from ``needs``), the problems it
may answer, the ``Idempotency-Key``, examples of its body and of its answer, and components with
names that read well: ``CustomerOut`` is ``Customer`` there, ``CustomerIn`` is ``NewCustomer``, a
list of them is ``CustomerPage``; a ``title`` in a schema's ``model_config`` is a name of its own.

What cannot be told from its declaration, an operation says in ``openapi_extra``:

- ``"x-etag": True``: it answers with one record that carries an ``ETag``. A GET then takes
  ``If-None-Match`` and may answer 304; PUT, PATCH, and the DELETE on the path of such a GET, take
  ``If-Match`` and may answer 412.
- ``"x-problems": [401]``: statuses it answers beyond those that follow from what it is.
- ``"x-scopes": ["customers:write", "orders:write"]``: it wants one of these scopes, where which one
  depends on the request. Without it, the scope is that of ``needs``.
- ``"responses": {"409": {"description": "..."}}``: words of its own for an answer. Headers, schema
  and example of a problem are filled in; a 2xx may have other headers and content, such as
  ``{"200": {"content": {"text/csv": {"schema": {"type": "string"}}}}}``.

A new tag wants its sentence in ``TAGS``; a text field in a body or an answer wants an example, as
in ``Field(examples=["John Doe"])``, unless its format or its choices tell it. A body wants
``extra="forbid"``, as ``crm.schemas.rows.Body`` has it.
"""

from project.openapi.document import DocumentedAPI

__all__ = ["DocumentedAPI"]
