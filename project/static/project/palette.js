// The palette: Ctrl+K (Cmd+K on a Mac) or a tap on "Search" opens it, and what is typed is looked
// for by the server. The dialog keeps the focus and closes on Escape, as each does.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const dialog = document.getElementById("palette");
  if (!dialog) {
    return;
  }
  const input = dialog.querySelector("input");
  const results = dialog.querySelector(".palette-results");
  const said = dialog.querySelector("[role=status]");
  const isMac = /Mac|iPhone|iPad/.test(navigator.platform);
  const pause = 150; // milliseconds without a key before the server is asked

  let timer;
  let request;
  let current = null; // the chosen line
  let isFresh = false; // is what is listed about what is typed now?
  let opensFirst = false; // was Enter pressed before the answer came?

  const choose = (option) => {
    current?.setAttribute("aria-selected", "false");
    current = option;
    current?.setAttribute("aria-selected", "true");
    current?.scrollIntoView({ block: "nearest" });
    if (current) {
      input.setAttribute("aria-activedescendant", current.id);
    } else {
      input.removeAttribute("aria-activedescendant");
    }
  };

  const show = (html) => {
    results.innerHTML = html;
    const first = results.querySelector("[role=option]");
    input.setAttribute("aria-expanded", String(Boolean(first)));
    said.textContent = results.querySelector("[data-summary]")?.dataset.summary ?? "";
    choose(first);
  };

  const ask = async () => {
    const own = (request = new AbortController());
    const typed = input.value;
    try {
      const response = await fetch(
        `${dialog.dataset.search}?${new URLSearchParams({ fragment: "1", s: typed })}`,
        { redirect: "error", signal: own.signal },
      );
      if (!response.ok) {
        throw new Error(response.statusText);
      }
      const html = await response.text();
      if (own.signal.aborted) {
        return;
      }
      show(html);
      isFresh = true;
      if (opensFirst) {
        opensFirst = false;
        current?.click();
      }
    } catch (error) {
      if (error.name !== "AbortError") {
        show("");
        said.textContent = dialog.dataset.stale;
      }
    }
  };

  const askIn = (delay) => {
    isFresh = false;
    opensFirst = false;
    clearTimeout(timer);
    request?.abort(); // its answer would be about what was typed before
    timer = setTimeout(ask, delay);
  };

  const open = () => {
    if (!dialog.open) {
      input.value = "";
      dialog.showModal();
      askIn(0);
    }
    input.focus();
    input.select();
  };

  const step = (by) => {
    const options = [...results.querySelectorAll("[role=option]")];
    if (options.length) {
      const here = options.indexOf(current);
      choose(options[(here + by + options.length) % options.length]);
    }
  };

  document.addEventListener("keydown", (event) => {
    const isShortcut = (isMac ? event.metaKey : event.ctrlKey) && !event.altKey && !event.shiftKey;
    if (isShortcut && event.key.toLowerCase() === "k") {
      event.preventDefault();
      open();
    }
  });

  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-palette]");
    if (opener && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      open();
    }
  });

  input.addEventListener("input", () => askIn(pause));
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) {
      return; // Enter takes what is composed, and an arrow chooses it
    }
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      step(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (!isFresh) {
        opensFirst = true;
      } else if (event.ctrlKey || event.metaKey) {
        current && window.open(current.href);
      } else {
        current?.click();
      }
    }
  });

  dialog.querySelector("button").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) {
      dialog.close(); // beside the box
    }
  });
  dialog.addEventListener("close", () => {
    clearTimeout(timer);
    request?.abort();
    show("");
  });
  // Who comes back to the page by the browser's button finds it as it was before.
  window.addEventListener("pagehide", () => dialog.close());
});
