// Hands the provider's answer to the Swagger UI that opened this window, and closes it. What Swagger
// UI waits with, it keeps under this name: {auth, state, redirectUrl, callback, errCb}.
const waiting = window.opener?.swaggerUIRedirectOauth2;

if (waiting) {
  const { auth, state, redirectUrl, callback, errCb } = waiting;
  const answer = new URLSearchParams(location.search);
  const refuse = (message) => errCb({ authId: auth.name, source: "auth", level: "error", message });

  if (answer.get("state") !== state) {
    refuse("The answer belongs to another question. Try again.");
  } else if (answer.has("code")) {
    auth.code = answer.get("code");
    callback({ auth, redirectUrl });
  } else {
    refuse(answer.get("error_description") ?? answer.get("error") ?? "There was no answer.");
  }
  window.close();
}
