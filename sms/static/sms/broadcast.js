// While a text is written: a chip goes where the cursor is, and the server says how it reads.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const form = document.querySelector("form[data-examples]");
  const examples = document.getElementById("examples");
  const stale = document.getElementById("stale");
  const fields = [...form.querySelectorAll("textarea")];
  let last = fields[0];
  let asked = 0;
  let timer;

  async function ask() {
    asked += 1;
    const number = asked;
    let html = null; // where the server does not answer, or only with the page to sign in
    try {
      const response = await fetch(form.dataset.examples, {
        method: "POST",
        body: new FormData(form),
        redirect: "error",
      });
      html = response.ok ? await response.text() : null;
    } catch (error) {
      console.warn(error.message);
    }
    // Of two answers the later question's counts, whichever comes first.
    if (number === asked) {
      stale.hidden = html !== null;
      examples.innerHTML = html ?? examples.innerHTML;
    }
  }

  function changed() {
    clearTimeout(timer);
    timer = setTimeout(ask, 250);
  }

  for (const field of fields) {
    field.addEventListener("focus", () => {
      last = field;
    });
    field.addEventListener("input", changed);
  }
  if (fields.some((field) => field.value !== field.defaultValue)) {
    changed(); // on a slow line somebody has typed before this script came
  }
  examples.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-replace-in]");
    if (button === null) {
      return;
    }
    const field = form.elements[button.dataset.replaceIn];
    for (const { dataset } of button.querySelectorAll("[data-from]")) {
      field.value = field.value.replaceAll(dataset.from, () => dataset.to);
    }
    field.focus();
    changed();
  });
  for (const chip of form.querySelectorAll("[data-variable]")) {
    chip.addEventListener("click", () => {
      last.focus();
      last.setRangeText(chip.dataset.variable, last.selectionStart, last.selectionEnd, "end");
      changed();
    });
  }
});
