// Starts Swagger UI with what the page says in its element "options".
const { url, oauth2RedirectUrl, csrfCookie, oauth } = JSON.parse(
  document.getElementById("options").textContent,
);

// Swagger UI has dark colours of its own, and leaves it to the page to ask for them.
const dark = matchMedia("(prefers-color-scheme: dark)");
const paint = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", paint);
paint();

// Read anew for each request: signing in, as the button "Authorize" may make one do, changes it.
const csrfToken = () =>
  document.cookie
    .split("; ")
    .map((pair) => pair.split("="))
    .find(([name]) => name === csrfCookie)?.[1];

const isSafe = (method) => ["GET", "HEAD", "OPTIONS", "TRACE"].includes(method.toUpperCase());

const ui = SwaggerUIBundle({
  url,
  oauth2RedirectUrl,
  dom_id: "#swagger-ui",
  deepLinking: true,
  presets: [SwaggerUIBundle.presets.apis],
  validatorUrl: null, // else it sends the document's address to its makers' server
  requestInterceptor: (request) => {
    const { origin, pathname } = new URL(request.url, location.href);
    const isOurs = origin === location.origin && pathname.startsWith("/api/");
    const token = csrfToken();
    if (isOurs && token && !isSafe(request.method ?? "GET")) {
      request.headers["X-CSRFToken"] = token;
    }
    return request;
  },
});
ui.initOAuth(oauth);
