// A tour of the API with the client that openapi-typescript makes of its document:
//
//     node build/tour.js ADDRESS PASSWORD
//
// It is code as users write it: every name and every answer has its type from the document.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import createClient from "openapi-fetch";
import type { components, paths } from "./karani.js";

type Order = components["schemas"]["Order"];
type Problem = components["schemas"]["Problem"];

const [address = "", password = ""] = process.argv.slice(2);
const karani = createClient<paths>({ baseUrl: address });

/** The answer, where it is the one that was hoped for. */
function told<Data>(answer: { data?: Data; error?: unknown }): Data {
  assert.ok(answer.data !== undefined, JSON.stringify(answer.error));
  return answer.data;
}

/** The problem, where the answer is that one. */
function refused(answer: { error?: Problem }, status: number): Problem {
  assert.equal(answer.error?.status, status);
  return answer.error;
}

// A token, which all other requests carry.
const wrong = await karani.POST("/api/token/", { body: { username: "admin", password: "wrong" } });
assert.equal(refused(wrong, 401).title, "Unauthorized");
const { access } = told(await karani.POST("/api/token/", { body: { username: "admin", password } }));
karani.use({
  onRequest({ request }) {
    request.headers.set("Authorization", `Bearer ${access}`);
  },
});
const me = told(await karani.GET("/api/me/"));
assert.equal(me.username, "admin");
assert.ok(me.scopes.includes("orders:write"));
console.log("token");

// A customer; the system gives the code.
const created = await karani.POST("/api/customers/", {
  body: { name: "Type Script", phone_number: "+254722000001" },
});
const customer = told(created);
assert.equal(customer.language, "en");
console.log("customer");

// An order, sent twice with the same key: it is placed once.
const placing = {
  params: { header: { "Idempotency-Key": randomUUID() } },
  body: { customer_code: customer.code, item: "Tea", amount: "1299.99" },
};
const first = await karani.POST("/api/orders/", placing);
const again = await karani.POST("/api/orders/", placing);
const order = told(first);
assert.equal(order.amount, "1299.99");
assert.equal(order.status, "PENDING");
assert.equal(told(again).id, order.id);
assert.equal(first.response.headers.get("Idempotent-Replayed"), null);
assert.equal(again.response.headers.get("Idempotent-Replayed"), "true");
console.log("order");

// Many orders, all or none.
const rows = [10, 20, 30, 40].map((amount) => ({
  customer_id: customer.id,
  item: "Sugar",
  amount,
}));
const placed = told(await karani.POST("/api/orders/bulk/", { body: rows }));
assert.deepEqual(
  placed.map((each) => each.amount),
  ["10.00", "20.00", "30.00", "40.00"],
);
const spoilt = await karani.POST("/api/orders/bulk/", {
  body: [...rows, { customer_id: customer.id, item: "Salt", amount: "0.001" }],
});
assert.deepEqual(Object.keys(refused(spoilt, 400).errors ?? {}), ["4.amount"]);
console.log("bulk");

// A list with filters, page by page.
const found: Order[] = [];
let cursor: string | undefined;
do {
  const page = told(
    await karani.GET("/api/orders/", {
      params: {
        query: {
          customer_id: customer.id,
          status: ["PENDING", "PROCESSING"],
          min_amount: "15",
          ordering: "amount",
          limit: 2,
          ...(cursor === undefined ? {} : { cursor }),
        },
      },
    }),
  );
  assert.equal(page.count, 4);
  found.push(...page.results);
  const next: URL | null = page.next === null ? null : new URL(page.next);
  cursor = next?.searchParams.get("cursor") ?? undefined;
} while (cursor !== undefined);
assert.deepEqual(
  found.map((each) => each.amount),
  ["20.00", "30.00", "40.00", "1299.99"],
);
console.log("list");

// A change to a version that somebody else has changed meanwhile.
const path = { order_id: order.id };
const read = await karani.GET("/api/orders/{order_id}/", { params: { path } });
const etag = read.response.headers.get("ETag");
assert.ok(etag !== null);
const header = { "If-Match": etag };
const change = { params: { path, header }, body: { item: "Green tea" } };
assert.equal(told(await karani.PATCH("/api/orders/{order_id}/", change)).item, "Green tea");
refused(await karani.PATCH("/api/orders/{order_id}/", change), 412);
console.log("version");

// An error names every wrong field.
const problem = refused(
  await karani.POST("/api/orders/", {
    body: { customer_code: "NOBODY", item: "", amount: "10.999" },
  }),
  400,
);
assert.equal(problem.detail, "The request has 3 invalid fields.");
assert.deepEqual(problem.errors?.["customer_code"], ["Invalid customer code."]);
assert.deepEqual(Object.keys(problem.errors ?? {}).sort(), ["amount", "customer_code", "item"]);
console.log("error");
