// The page of a wording: words to fill in go where the cursor is, and the preview follows what is
// typed. What is counted, the server counts.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const section = document.querySelector(".wording[data-preview]");
  const body = document.querySelector("textarea[name=body]");
  if (!section || !body) {
    return; // the list, or somebody who only reads
  }
  const result = section.querySelector(".wording-result");
  const stale = section.querySelector(".wording-stale");
  const said = section.querySelector(".wording-said"); // read aloud, and short: not all of it
  const search = section.querySelector("#wording-search");
  const token = body.form.querySelector("[name=csrfmiddlewaretoken]").value;
  const pause = 300; // milliseconds without a key before the server is asked

  let timer;
  let request;
  const refreshIn = (delay) => {
    clearTimeout(timer);
    timer = setTimeout(refresh, delay);
  };
  const say = (words) => {
    stale.textContent = words;
    stale.hidden = !words;
  };

  const refresh = async () => {
    request?.abort(); // its answer would be about what was typed before
    const own = (request = new AbortController());
    try {
      const response = await fetch(section.dataset.preview, {
        method: "POST",
        body: new URLSearchParams({ body: body.value, search: search.value }),
        headers: { "X-CSRFToken": token },
        redirect: "error",
        signal: own.signal,
      });
      if (response.status === 429) {
        say(section.dataset.rests);
        refreshIn(1000 * Number(response.headers.get("Retry-After") || 5));
        return;
      }
      if (!response.ok) {
        throw new Error(response.statusText);
      }
      const html = await response.text();
      if (own.signal.aborted) {
        return;
      }
      result.innerHTML = html;
      const { summary } = result.querySelector("[data-summary]").dataset;
      if (said.textContent !== summary) {
        said.textContent = summary;
      }
      say("");
    } catch (error) {
      if (error.name !== "AbortError") {
        say(section.dataset.stale);
      }
    }
  };

  const rewrite = (text) => {
    body.value = text;
    body.focus();
    body.dispatchEvent(new Event("input", { bubbles: true }));
  };

  let hasCursor = false;
  body.addEventListener("focus", () => (hasCursor = true));
  const insert = (words) => {
    const end = body.value.length;
    const [from, to] = hasCursor ? [body.selectionStart, body.selectionEnd] : [end, end];
    body.setRangeText(words, from, to, "end");
    body.focus();
    body.dispatchEvent(new Event("input", { bubbles: true }));
  };

  for (const word of document.querySelectorAll(".wording-words [data-variable]")) {
    const chip = document.createElement("button");
    chip.type = "button";
    chip.textContent = word.dataset.variable;
    chip.title = `Insert; for example: ${word.title}`;
    chip.addEventListener("click", () => insert(word.dataset.variable));
    word.removeAttribute("title");
    word.replaceChildren(chip);
  }

  result.addEventListener("click", ({ target }) => {
    const button = target.closest("button");
    if (button?.dataset.search) {
      search.value = button.dataset.search;
      refreshIn(0);
    } else if (button?.dataset.replace) {
      const all = button.dataset.replace === "exact";
      const items = all ? result.querySelectorAll("[data-exact]") : [button.closest("li")];
      let text = body.value;
      for (const { dataset } of items) {
        text = text.replaceAll(dataset.from, () => dataset.to);
      }
      rewrite(text);
      refreshIn(0);
    }
  });

  section.classList.add("is-live");
  search.parentElement.hidden = false;
  body.addEventListener("input", () => refreshIn(pause));
  if (body.value !== body.defaultValue) {
    refreshIn(0); // on a slow line somebody has typed before this script came
  }
  search.addEventListener("input", () => refreshIn(pause));
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      event.preventDefault(); // it would save the wording
      refreshIn(0);
    }
  });
});
