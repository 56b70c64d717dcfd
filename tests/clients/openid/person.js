// Somebody at a browser: it keeps cookies, reads a page, and fills in the form that is there.

const ENTITIES = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#x27;": "'" };

export class Person {
  /** The titles of the pages that were shown, in order. */
  seen = [];
  #cookies;
  #address;
  #page = "";

  constructor(home, username, password, cookies = new Map()) {
    Object.assign(this, { home, username, password });
    this.#cookies = cookies;
  }

  /** Another window of the same browser. */
  window() {
    return new Person(this.home, this.username, this.password, this.#cookies);
  }

  /** Do what an app asks, and tell where it ends: at an address of the app, which is not visited. */
  async goThrough(address, { answer = "allow" } = {}) {
    this.seen = [];
    let away = await this.visit(address);
    while (away === undefined) {
      const fields = this.#has("password")
        ? { username: this.username, password: this.password }
        : { answer };
      away = await this.fill(fields);
    }
    return away;
  }

  /** Open an address; it is Karani's, or nothing is opened and it is the answer. */
  async visit(address) {
    return this.#follow(new URL(address, this.home));
  }

  /** Send the form that has these fields, as the page has it, with what is typed or pressed. */
  async fill(typed) {
    const names = Object.keys(typed);
    const forms = [...this.#page.matchAll(/<form\b([^>]*)>(.*?)<\/form>/gs)];
    const form = forms.find(([, , inside]) => names.every((name) => hasField(inside, name)));
    if (form === undefined) {
      throw new Error(`No form with ${names} at ${this.#address}:\n${this.#page}`);
    }
    const [, attributes, inside] = form;
    const fields = new URLSearchParams(typed);
    for (const [, input] of inside.matchAll(/<input\b([^>]*)>/g)) {
      const name = attribute(input, "name");
      if (attribute(input, "type") === "hidden" && !names.includes(name)) {
        fields.set(name, attribute(input, "value"));
      }
    }
    return this.#follow(new URL(attribute(attributes, "action"), this.#address), fields);
  }

  /** What is on the page that is shown. */
  get page() {
    return this.#page;
  }

  async #follow(address, form) {
    for (let steps = 0; steps < 10; steps += 1) {
      if (address.origin !== this.home) return address;
      const response = await fetch(address, {
        method: form ? "POST" : "GET",
        body: form,
        headers: { Cookie: [...this.#cookies].map((pair) => pair.join("=")).join("; ") },
        redirect: "manual",
      }).catch((error) => {
        throw new Error(`${address}: ${error.cause ?? error}`);
      });
      for (const cookie of response.headers.getSetCookie()) {
        const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie);
        this.#cookies.set(name, value);
      }
      this.status = response.status;
      this.#page = await response.text();
      const next = response.headers.get("Location");
      if (next === null) return this.#arrive(address);
      [address, form] = [new URL(next, address), undefined];
    }
    throw new Error(`It goes round and round at ${address}`);
  }

  #arrive(address) {
    this.#address = address;
    const [, title] = /<title>\s*(.*?) \|/s.exec(this.#page) ?? [];
    this.seen.push(title);
  }

  #has(name) {
    return hasField(this.#page, name);
  }
}

function hasField(html, name) {
  return html.includes(`name="${name}"`);
}

function attribute(tag, name) {
  const [, value] = new RegExp(`\\b${name}="([^"]*)"`).exec(tag) ?? [, ""];
  return value.replace(/&[#\w]+;/g, (entity) => ENTITIES[entity] ?? entity);
}
