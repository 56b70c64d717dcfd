// An app signs a person in: code, PKCE, ID token, userinfo, and what must not pass.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as client from "openid-client";
import {
  EVERYTHING,
  ISSUER,
  app,
  apps,
  callback,
  challenged,
  distrusted,
  insider,
  me,
  person,
  question,
  refused,
  signIn,
} from "./karani.js";

describe("An app that signs people in", { concurrency: true }, () => {
  it("finds the same provider at both addresses of its metadata", async () => {
    const openid = await app("site");
    const oauth = await app("site", client.ClientSecretBasic, { algorithm: "oauth2" });
    assert.deepEqual(oauth.serverMetadata(), openid.serverMetadata());
    assert.equal(openid.serverMetadata().issuer, ISSUER);
    assert.ok(openid.serverMetadata().supportsPKCE());
  });

  const ways = [
    ["with its secret in the header", "site", client.ClientSecretBasic],
    ["with its secret in the form", "site", client.ClientSecretPost],
    ["without a secret", "phone", client.None],
  ];
  for (const [how, name, authentication] of ways) {
    it(`learns who somebody is, ${how}`, async () => {
      const config = await app(name, authentication);
      const tokens = await signIn(config, person());
      const claims = tokens.claims();
      assert.equal(claims.iss, ISSUER);
      assert.equal(claims.aud, apps[name].client_id);
      assert.equal(claims.preferred_username, "wanjiku");
      assert.ok(Date.now() / 1000 - claims.auth_time < 60);
      const told = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
      assert.equal(told.email, "wanjiku@example.com");
      assert.equal(told.email_verified, true);
      assert.deepEqual(told.roles, ["Clerk"]);
      const caller = await me(tokens.access_token);
      assert.equal(caller.username, "wanjiku");
      assert.deepEqual(caller.scopes, EVERYTHING.split(" ").sort());
    });
  }

  it("runs on any port of the person's own machine", async () => {
    const config = await app("phone");
    const elsewhere = callback.replace(/:\d+/, ":49152");
    const tokens = await signIn(config, undefined, { redirect_uri: elsewhere });
    assert.equal(tokens.claims().aud, apps.phone.client_id);
  });

  it("does not take one person for another", async () => {
    const config = await app("site");
    const tokens = await signIn(config);
    await distrusted(client.fetchUserInfo(config, tokens.access_token, "somebody-else"), "sub");
  });

  it("trusts no answer that does not name this issuer", async () => {
    const config = await app("site");
    const { url, checks } = await question(config);
    const back = await (await insider()).goThrough(url);
    for (const issuer of ["https://else.example.com/o", null]) {
      const answer = new URL(back);
      if (issuer === null) answer.searchParams.delete("iss");
      else answer.searchParams.set("iss", issuer);
      await distrusted(client.authorizationCodeGrant(config, answer, checks), "iss");
    }
    await client.authorizationCodeGrant(config, back, checks);
  });

  it("hears the no of a person, from this issuer", async () => {
    const config = await app("refused");
    const { url, checks } = await question(config);
    const back = await (await insider()).goThrough(url, { answer: "deny" });
    assert.equal(back.searchParams.get("iss"), ISSUER);
    await refused(client.authorizationCodeGrant(config, back, checks), "access_denied");
  });

  it("uses a code once; a second use ends what the first one gave", async () => {
    const config = await app("phone");
    const { url, checks } = await question(config);
    const back = await (await insider()).goThrough(url);
    const tokens = await client.authorizationCodeGrant(config, back, checks);
    assert.equal((await me(tokens.access_token)).status, 200);
    await refused(client.authorizationCodeGrant(config, back, checks), "invalid_grant", 400);
    assert.equal((await me(tokens.access_token)).status, 401);
    await refused(client.refreshTokenGrant(config, tokens.refresh_token), "invalid_grant", 400);
  });

  it("gets nothing for a code that somebody else asked for", async () => {
    const config = await app("phone");
    const { url, checks } = await question(config);
    const back = await (await insider()).goThrough(url);
    const thief = { ...checks, pkceCodeVerifier: client.randomPKCECodeVerifier() };
    await refused(client.authorizationCodeGrant(config, back, thief), "invalid_grant", 400);
    const other = await app("site");
    await refused(client.authorizationCodeGrant(other, back, checks), "invalid_grant", 400);
  });

  it("gets nothing with a wrong secret", async () => {
    for (const authentication of [client.ClientSecretBasic, client.ClientSecretPost]) {
      const config = await app("site", () => authentication("wrong"));
      const { url, checks } = await question(config);
      const back = await (await insider()).goThrough(url);
      await challenged(client.authorizationCodeGrant(config, back, checks), 401, "basic");
    }
  });

  it("cannot do without PKCE, nor send people where it is not at home", async () => {
    const config = await app("site");
    const { url } = await question(config);
    const bare = new URL(url);
    bare.searchParams.delete("code_challenge");
    bare.searchParams.delete("code_challenge_method");
    const told = await person().visit(bare);
    assert.equal(told.searchParams.get("error"), "invalid_request");
    const stray = new URL(url);
    stray.searchParams.set("redirect_uri", "https://else.example.com/back");
    const somebody = person();
    assert.equal(await somebody.visit(stray), undefined);
    assert.equal(somebody.status, 400);
    assert.ok(somebody.seen[0].startsWith("This app cannot be let in"));
  });
});
