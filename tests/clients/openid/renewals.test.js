// An app keeps its access without its person: renewals, what a reuse ends, revocation, and what a
// token is told to be.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as client from "openid-client";
import { EVERYTHING, ISSUER, app, apps, challenged, me, refused, seconds, signIn } from "./karani.js";

describe("An app that has tokens", { concurrency: true }, () => {
  for (const name of ["site", "phone"]) {
    it(`renews them, as ${name}`, async () => {
      const config = await app(name);
      const first = await signIn(config);
      const second = await client.refreshTokenGrant(config, first.refresh_token);
      for (const claim of ["sub", "aud", "iss", "sid", "auth_time"]) {
        assert.equal(second.claims()[claim], first.claims()[claim]);
      }
      assert.notEqual(second.refresh_token, first.refresh_token);
      assert.equal((await me(first.access_token)).status, 401);
      assert.equal((await me(second.access_token)).status, 200);
      const told = await client.fetchUserInfo(config, second.access_token, first.claims().sub);
      assert.equal(told.name, undefined); // of whom no name is known
      assert.equal(told.preferred_username, "wanjiku");
    });
  }

  it("gets the same answer in two tabs that renew at once", async () => {
    const config = await app("phone");
    const { refresh_token: refresh } = await signIn(config);
    const [one, two] = await Promise.all([
      client.refreshTokenGrant(config, refresh),
      client.refreshTokenGrant(config, refresh),
    ]);
    assert.equal(one.access_token, two.access_token);
    assert.equal(one.refresh_token, two.refresh_token);
    assert.equal(one.id_token, two.id_token);
    const next = await client.refreshTokenGrant(config, one.refresh_token);
    assert.equal((await me(next.access_token)).status, 200);
  });

  it("loses all when a used refresh token comes back later", async () => {
    const config = await app("phone");
    const first = await signIn(config);
    const second = await client.refreshTokenGrant(config, first.refresh_token);
    await seconds(11); // one more than two tabs may be apart
    assert.equal((await me(second.access_token)).status, 200);
    await refused(client.refreshTokenGrant(config, first.refresh_token), "invalid_grant", 400);
    assert.equal((await me(second.access_token)).status, 401);
    await refused(client.refreshTokenGrant(config, second.refresh_token), "invalid_grant", 400);
  });

  it("can ask for less at a renewal, and never for more", async () => {
    const config = await app("phone");
    const { refresh_token: refresh } = await signIn(config);
    const more = { scope: `${EVERYTHING} orders:write` };
    await refused(client.refreshTokenGrant(config, refresh, more), "invalid_scope", 400);
    const less = await client.refreshTokenGrant(config, refresh, { scope: "openid" });
    assert.equal(less.scope, "openid");
    assert.deepEqual((await me(less.access_token)).scopes, ["openid"]);
    const all = await client.refreshTokenGrant(config, less.refresh_token);
    assert.deepEqual(all.scope.split(" ").sort(), EVERYTHING.split(" ").sort());
  });

  it("cannot use the refresh token of another", async () => {
    const [mine, other] = [await app("phone"), await app("site")];
    const { refresh_token: refresh } = await signIn(mine);
    await refused(client.refreshTokenGrant(other, refresh), "invalid_grant", 400);
    await client.refreshTokenGrant(mine, refresh);
  });

  for (const [name, kind] of [
    ["site", "refresh_token"],
    ["phone", "refresh_token"],
    ["phone", "access_token"],
  ]) {
    it(`gives them back by its ${kind}, as ${name}`, async () => {
      const config = await app(name);
      const tokens = await signIn(config);
      await client.tokenRevocation(config, tokens[kind], { token_type_hint: kind });
      assert.equal((await me(tokens.access_token)).status, 401);
      await refused(client.refreshTokenGrant(config, tokens.refresh_token), "invalid_grant", 400);
      await client.tokenRevocation(config, tokens[kind]); // again, and nothing is said of it
    });
  }

  it("cannot give back those of another", async () => {
    const [mine, other] = [await app("phone"), await app("site")];
    const tokens = await signIn(mine);
    await client.tokenRevocation(other, tokens.refresh_token);
    assert.equal((await me(tokens.access_token)).status, 200);
  });

  it("is told what its own are good for", async () => {
    const config = await app("site");
    const tokens = await signIn(config);
    for (const token of [tokens.access_token, tokens.refresh_token]) {
      const told = await client.tokenIntrospection(config, token);
      assert.equal(told.active, true);
      assert.equal(told.iss, ISSUER);
      assert.equal(told.client_id, apps.site.client_id);
      assert.equal(told.sub, tokens.claims().sub);
      assert.deepEqual(told.scope.split(" ").sort(), EVERYTHING.split(" ").sort());
      assert.ok(told.exp > Date.now() / 1000);
    }
    await client.tokenRevocation(config, tokens.refresh_token);
    for (const token of [tokens.access_token, tokens.refresh_token, "unknown"]) {
      assert.deepEqual(await client.tokenIntrospection(config, token), { active: false });
    }
  });

  it("is told nothing of another's, and nothing at all where it has no secret", async () => {
    const [phone, site] = [await app("phone"), await app("site")];
    const tokens = await signIn(phone);
    const told = await client.tokenIntrospection(site, tokens.access_token);
    assert.deepEqual(told, { active: false });
    await challenged(client.tokenIntrospection(phone, tokens.access_token), 401, "basic");
  });
});

describe("A machine", { concurrency: true }, () => {
  for (const authentication of [client.ClientSecretBasic, client.ClientSecretPost]) {
    it(`calls the API for itself with ${authentication.name}`, async () => {
      const config = await app("robot", authentication);
      const scope = "orders:read customers:read";
      const tokens = await client.clientCredentialsGrant(config, { scope });
      assert.equal(tokens.refresh_token, undefined);
      assert.equal(tokens.id_token, undefined);
      assert.equal((await me(tokens.access_token)).username, `app.${apps.robot.client_id}`);
      const nobody = client.fetchUserInfo(config, tokens.access_token, client.skipSubjectCheck);
      await challenged(nobody, 403, "bearer", "insufficient_scope");
      assert.equal((await client.tokenIntrospection(config, tokens.access_token)).active, true);
      await client.tokenRevocation(config, tokens.access_token);
      assert.equal((await me(tokens.access_token)).status, 401);
    });
  }

  it("is no person, and signs nobody in", async () => {
    const robot = await app("robot");
    await refused(client.clientCredentialsGrant(robot, { scope: "openid" }), "invalid_scope", 400);
    const site = await app("site");
    const asked = client.clientCredentialsGrant(site, { scope: "orders:read" });
    await refused(asked, "unauthorized_client", 400);
  });
});
