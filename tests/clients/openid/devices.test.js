// A device without a keyboard signs in: it shows a code, and its person types that on their phone.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as client from "openid-client";
import { EVERYTHING, ISSUER, address, app, apps, me, person, refused, seconds } from "./karani.js";

/** What the device shows, and the client asking for an answer, again and again. */
async function start(config) {
  const shown = await client.initiateDeviceAuthorization(config, { scope: EVERYTHING });
  assert.equal(shown.verification_uri, `${address}/o/device/`);
  assert.match(shown.user_code, /^[A-Z]{4}-[A-Z]{4}$/);
  const waiting = client.pollDeviceAuthorizationGrant(config, shown);
  waiting.catch(() => {}); // looked at later
  return { shown, waiting };
}

/** Ask once, without waiting. */
function ask(config, { device_code: code }) {
  const grant = "urn:ietf:params:oauth:grant-type:device_code";
  return client.genericGrantRequest(config, grant, { device_code: code });
}

/** The person signs in, types the code, and says yes or no. */
async function answer(shown, word) {
  const somebody = person();
  await somebody.visit(shown.verification_uri_complete);
  await somebody.fill({ username: somebody.username, password: somebody.password });
  assert.ok(somebody.page.includes(`value="${shown.user_code}"`));
  await somebody.fill({ user_code: shown.user_code.toLowerCase().replace("-", " ") });
  await somebody.fill({ answer: word });
  return somebody.seen.at(-1);
}

describe("A device", { concurrency: true }, () => {
  it("waits, and gets tokens after the yes of its person", async () => {
    const config = await app("tv");
    const { shown, waiting } = await start(config);
    await seconds(6); // it has asked once by now
    assert.equal(await answer(shown, "allow"), "The device is let in");
    const tokens = await waiting;
    const claims = tokens.claims();
    assert.equal(claims.iss, ISSUER);
    assert.equal(claims.aud, apps.tv.client_id);
    assert.equal(claims.sid, undefined); // it belongs to no browser
    const told = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
    assert.equal(told.preferred_username, "wanjiku");
    const renewed = await client.refreshTokenGrant(config, tokens.refresh_token);
    assert.equal((await me(renewed.access_token)).username, "wanjiku");
    await refused(ask(config, shown), "expired_token", 400); // it is good for one answer
  });

  it("hears the no of its person", async () => {
    const { shown, waiting } = await start(await app("tv"));
    assert.equal(await answer(shown, "deny"), "The device is not let in");
    await refused(waiting, "access_denied", 400);
  });

  it("that asks too often slows down, and still gets its tokens", async () => {
    const config = await app("tv");
    const shown = await client.initiateDeviceAuthorization(config, { scope: "openid" });
    const answers = await Promise.allSettled([ask(config, shown), ask(config, shown)]);
    const errors = answers.map(({ reason }) => reason.error);
    assert.deepEqual(errors.sort(), ["authorization_pending", "slow_down"]);
    await answer(shown, "allow");
    const tokens = await client.pollDeviceAuthorizationGrant(config, shown);
    assert.equal(tokens.claims().aud, apps.tv.client_id);
  });

  it("is nobody's business but that of apps for devices", async () => {
    const asked = client.initiateDeviceAuthorization(await app("phone"), { scope: "openid" });
    await refused(asked, "unauthorized_client", 400);
  });
});
