// The Karani that runs, what is registered with it, and an app's first steps.

import assert from "node:assert/strict";
import { webcrypto } from "node:crypto";
import * as client from "openid-client";
import { Person } from "./person.js";

globalThis.crypto ??= webcrypto; // Node.js 18 has it, under that name only

export const { address, callback, goodbye, password, apps } = JSON.parse(process.env.KARANI);
export const ISSUER = `${address}/o`;
export const EVERYTHING = "openid profile email roles orders:read";

/** Somebody who is not signed in yet. */
export function person(username = "wanjiku") {
  return new Person(address, username, password);
}

let browser;

/** Somebody who is, where it does not matter since when: a sign-in is slow, as it should be. */
export async function insider() {
  browser ??= (async () => {
    const somebody = person();
    await somebody.visit("/sign-in/");
    await somebody.fill({ username: somebody.username, password: somebody.password });
    return somebody;
  })();
  return (await browser).window();
}

/** An app as it starts: it knows the issuer, its own ID, and its secret if it has one. */
export async function app(name, authentication = client.ClientSecretBasic, options = {}) {
  const { client_id: clientId, client_secret: secret } = apps[name];
  const config = await client.discovery(
    new URL(ISSUER),
    clientId,
    undefined,
    secret ? authentication(secret) : client.None(),
    { execute: [client.allowInsecureRequests], ...options },
  );
  client.enableNonRepudiationChecks(config); // the signatures of ID tokens, too
  return config;
}

/** What an app asks of its person, and what it keeps to check the answer with. */
export async function question(config, changes = {}) {
  const verifier = client.randomPKCECodeVerifier();
  const asked = {
    redirect_uri: callback,
    scope: EVERYTHING,
    state: client.randomState(),
    nonce: client.randomNonce(),
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    ...changes,
  };
  const checks = {
    pkceCodeVerifier: verifier,
    expectedState: asked.state,
    expectedNonce: asked.nonce,
    idTokenExpected: true,
  };
  if ("max_age" in changes) checks.maxAge = Number(changes.max_age);
  return { url: client.buildAuthorizationUrl(config, asked), checks };
}

/** All of it: the question, the pages, the code, the tokens. */
export async function signIn(config, somebody, changes = {}) {
  const { url, checks } = await question(config, changes);
  somebody ??= await insider();
  const back = await somebody.goThrough(url);
  return client.authorizationCodeGrant(config, back, checks);
}

/** A call of the API with a token: its status and its JSON. */
export async function me(accessToken) {
  const response = await fetch(`${address}/api/me/`, {
    headers: { Authorization: `Bearer ${accessToken}` },
  });
  return { status: response.status, ...(await response.json()) };
}

/** The app is refused with this error, in the words of OAuth. */
export async function refused(promise, error, status) {
  await assert.rejects(promise, (reason) => {
    assert.equal(reason.error, error, String(reason.stack));
    if (status !== undefined) assert.equal(reason.status, status);
    return true;
  });
}

/** The app is asked to show who it is, in this way: the client reads no further. */
export async function challenged(promise, status, scheme, error) {
  await assert.rejects(promise, (reason) => {
    assert.equal(reason.status, status, String(reason.stack));
    const [challenge] = reason.cause;
    assert.equal(challenge.scheme, scheme);
    assert.equal(challenge.parameters.error, error);
    return true;
  });
}

/** The client itself refuses what it got, because this claim or parameter is not as it was. */
export async function distrusted(promise, name) {
  await assert.rejects(promise, (reason) => {
    assert.match(String(reason.cause?.message ?? reason), new RegExp(`"${name}"`));
    return true;
  });
}

export function seconds(count) {
  return new Promise((resolve) => setTimeout(resolve, count * 1000));
}
