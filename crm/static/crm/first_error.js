"use strict";

// What is wrong is below the head of the page: whoever sent the form is brought there.
window.addEventListener("load", () => document.querySelector("[aria-invalid=true]")?.focus());
