// An app signs its person out, of itself and of Karani.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as client from "openid-client";
import { app, apps, goodbye, me, person, question, signIn } from "./karani.js";

/** Is the person asked for their password by an app that they let in before? */
async function isSignedOut(config, somebody) {
  const { url } = await question(config);
  somebody.seen = [];
  return (await somebody.visit(url)) === undefined && somebody.seen.at(-1) === "Sign in";
}

describe("An app that signs people out", { concurrency: true }, () => {
  it("with its ID token, gets them back at once, and nothing is left", async () => {
    const [site, phone] = [await app("site"), await app("phone")];
    const [somebody, sameElsewhere] = [person(), person()];
    const tokens = await signIn(site, somebody);
    const others = await signIn(phone, somebody);
    const elsewhere = await signIn(site, sameElsewhere);
    somebody.seen = [];
    const back = await somebody.visit(
      client.buildEndSessionUrl(site, {
        id_token_hint: tokens.id_token,
        post_logout_redirect_uri: goodbye,
        state: "see-you",
      }),
    );
    assert.deepEqual(somebody.seen, []);
    assert.equal(back.href, `${goodbye}?state=see-you`);
    assert.ok(await isSignedOut(site, somebody));
    assert.equal((await me(tokens.access_token)).status, 401);
    assert.equal((await me(others.access_token)).status, 401); // of the same session
    assert.equal((await me(elsewhere.access_token)).status, 200);
    assert.ok(!(await isSignedOut(site, sameElsewhere)));
  });

  it("without one, has them asked first", async () => {
    const config = await app("phone");
    const somebody = person();
    const tokens = await signIn(config, somebody);
    somebody.seen = [];
    const url = client.buildEndSessionUrl(config, { post_logout_redirect_uri: goodbye });
    assert.equal(url.searchParams.get("client_id"), apps.phone.client_id);
    assert.equal(await somebody.visit(url), undefined);
    assert.deepEqual(somebody.seen, ["Sign out?"]);
    assert.equal((await me(tokens.access_token)).status, 200);
    const back = await somebody.fill({});
    assert.equal(back.href, goodbye);
    assert.equal((await me(tokens.access_token)).status, 401);
    assert.ok(await isSignedOut(config, somebody));
  });

  it("twice, gets them back the second time too", async () => {
    const config = await app("phone");
    const somebody = person();
    const { id_token: hint } = await signIn(config, somebody);
    const wanted = { id_token_hint: hint, post_logout_redirect_uri: goodbye };
    for (let times = 0; times < 2; times += 1) {
      const back = await somebody.visit(client.buildEndSessionUrl(config, wanted));
      assert.equal(back.href, goodbye);
    }
  });

  it("sends them nowhere else, and cannot use the hint of another", async () => {
    const [site, phone] = [await app("site"), await app("phone")];
    const somebody = person();
    const { id_token: hint } = await signIn(site, somebody);
    const away = "https://else.example.com/";
    for (const url of [
      client.buildEndSessionUrl(site, { id_token_hint: hint, post_logout_redirect_uri: away }),
      client.buildEndSessionUrl(phone, { id_token_hint: hint }),
      client.buildEndSessionUrl(site, { id_token_hint: `${hint.slice(0, -8)}AAAAAAAA` }),
    ]) {
      assert.equal(await somebody.visit(url), undefined);
      assert.equal(somebody.status, 400);
      assert.equal(somebody.seen.at(-1), "You were not signed out");
    }
    assert.ok(!(await isSignedOut(site, somebody)));
  });
});
