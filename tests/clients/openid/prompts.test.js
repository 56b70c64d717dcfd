// When is a person asked? An app may want silence, a new sign-in, or one that is not too old.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as client from "openid-client";
import { ISSUER, app, person, question, refused, seconds, signIn } from "./karani.js";

const SIGN_IN = "Sign in";

/** The tokens, and what the person was shown on the way. */
async function ask(config, somebody, changes) {
  const tokens = await signIn(config, somebody, changes);
  return { tokens, seen: somebody.seen };
}

/** The refusal of a question that is not to be shown to anybody. */
async function askSilently(config, somebody, error, changes = {}) {
  const { url, checks } = await question(config, { prompt: "none", ...changes });
  const back = await somebody.visit(url);
  assert.equal(back.searchParams.get("iss"), ISSUER);
  await refused(client.authorizationCodeGrant(config, back, checks), error);
}

describe("An app that asks", { concurrency: true }, () => {
  it("in silence, hears that nobody is signed in", async () => {
    await askSilently(await app("phone"), person(), "login_required");
  });

  it("in silence, hears that it was not let in", async () => {
    const somebody = person();
    await signIn(await app("phone"), somebody);
    await askSilently(await app("unknown"), somebody, "consent_required");
  });

  it("in silence, gets tokens of who is signed in and let it in", async () => {
    const config = await app("phone");
    const somebody = person();
    const first = await signIn(config, somebody);
    const hint = { id_token_hint: first.id_token };
    for (const changes of [{}, hint, { max_age: 600 }]) {
      const { tokens, seen } = await ask(config, somebody, { prompt: "none", ...changes });
      assert.deepEqual(seen, []);
      assert.equal(tokens.claims().sub, first.claims().sub);
      assert.equal(tokens.claims().auth_time, first.claims().auth_time);
    }
  });

  it("in silence, for somebody else than who is signed in, hears that nobody is", async () => {
    const config = await app("phone");
    const other = await signIn(config, person("otieno"));
    const somebody = person();
    await signIn(config, somebody);
    await askSilently(config, somebody, "login_required", { id_token_hint: other.id_token });
  });

  it("for more than before, has the person asked again", async () => {
    const config = await app("phone");
    const somebody = person("otieno");
    await signIn(config, somebody, { scope: "openid" });
    const scope = "openid customers:read";
    await askSilently(config, somebody, "consent_required", { scope });
    const { tokens } = await ask(config, somebody, { scope });
    assert.deepEqual(somebody.seen, ["Let phone in?"]);
    assert.equal(tokens.scope, scope);
  });

  for (const prompt of ["login", "select_account"]) {
    it(`for ${prompt}, has the person sign in anew`, async () => {
      const config = await app("phone");
      const somebody = person();
      const first = await signIn(config, somebody);
      await seconds(1);
      const { tokens, seen } = await ask(config, somebody, { prompt });
      assert.deepEqual(seen, [SIGN_IN]);
      assert.ok(tokens.claims().auth_time > first.claims().auth_time);
      assert.equal(tokens.claims().sid, first.claims().sid); // the same person goes on
    });
  }

  it("for consent, has the person say yes again", async () => {
    const config = await app("phone");
    const somebody = person();
    await signIn(config, somebody);
    assert.deepEqual((await ask(config, somebody, { prompt: "consent" })).seen, ["Let phone in?"]);
  });

  it("for a sign-in of late, has it when it is, and gets a new one when it is not", async () => {
    const config = await app("phone");
    const somebody = person();
    const first = await signIn(config, somebody, { max_age: 600 });
    await seconds(2);
    const same = await ask(config, somebody, { max_age: 600 });
    assert.deepEqual(same.seen, []);
    assert.equal(same.tokens.claims().auth_time, first.claims().auth_time);
    await askSilently(config, somebody, "login_required", { max_age: 1 });
    const { tokens, seen } = await ask(config, somebody, { max_age: 1 });
    assert.deepEqual(seen, [SIGN_IN]);
    assert.ok(tokens.claims().auth_time > first.claims().auth_time);
  });

  it("with a name, has it filled in", async () => {
    const { url } = await question(await app("phone"), { login_hint: "wanjiku@example.com" });
    const somebody = person();
    await somebody.visit(url);
    assert.deepEqual(somebody.seen, [SIGN_IN]);
    assert.match(somebody.page, /value="wanjiku@example\.com"/);
  });
});
