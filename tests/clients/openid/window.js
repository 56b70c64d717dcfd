// An app that is all in the browser, at another origin than Karani. What comes of a button is told
// in the output, as JSON.

const settings = await (await fetch("settings.json")).json();
const users = new oidc.UserManager({
  ...settings,
  redirect_uri: `${location.origin}/`,
  post_logout_redirect_uri: `${location.origin}/`,
  silent_redirect_uri: `${location.origin}/`,
  scope: "openid profile email customers:read orders:write",
  loadUserInfo: true,
  automaticSilentRenew: false,
});
const karani = new URL(settings.authority).origin;

const actions = {
  "sign-in": () => users.signinRedirect(),
  userinfo: async () => (await users.getUser()).profile,
  me: () => call("/api/me/"),
  order: async () => {
    const { results } = await call("/api/customers/?limit=1");
    const body = { customer_code: results[0].code, item: "Kiondo basket", amount: "1500" };
    const headers = { "Content-Type": "application/json", "Idempotency-Key": crypto.randomUUID() };
    return call("/api/orders/", { method: "POST", headers, body: JSON.stringify(body) });
  },
  renew: async () => {
    const before = await users.getUser();
    const after = await users.signinSilent();
    return {
      same_person: after.profile.sub === before.profile.sub,
      same_token: after.access_token === before.access_token,
    };
  },
  silently: () => users.signinRedirect({ prompt: "none" }),
  "in-frame": async () => told(await users.signinSilent({ forceIframeAuth: true })),
  popup: async () => told(await users.signinPopup({ prompt: "consent" })),
  "sign-out": () => users.signoutRedirect(),
};

function told(user) {
  return { arrived: user?.profile.preferred_username ?? null };
}

async function call(path, options = {}) {
  const user = await users.getUser();
  const headers = { ...options.headers, Authorization: `Bearer ${user?.access_token ?? "none"}` };
  const response = await fetch(`${karani}${path}`, { ...options, headers });
  if (!response.ok) {
    throw new Error(`${response.status} ${response.headers.get("WWW-Authenticate")}`);
  }
  return response.json();
}

async function tell(action) {
  const output = document.querySelector("output");
  try {
    output.textContent = JSON.stringify((await action()) ?? null);
  } catch (error) {
    output.textContent = JSON.stringify({ error: String(error) });
  }
}

for (const [id, action] of Object.entries(actions)) {
  document.getElementById(id).addEventListener("click", () => tell(action));
}

/** People come here for the first time, back from signing in, and back from signing out. */
async function arrive() {
  if (/[?&](code|error)=/.test(location.search)) {
    const back = location.href;
    history.replaceState(null, "", "/");
    return told(await users.signinCallback(back)); // nobody, in a frame or a popup
  }
  return told(await users.getUser());
}

await tell(arrive);
