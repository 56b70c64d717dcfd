// The first steps are put away in this browser once somebody says so (see before_paint.js).
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const steps = document.getElementById("first-steps");
  steps?.querySelector("button").addEventListener("click", () => {
    localStorage.setItem("first-steps", "put away");
    steps.hidden = true;
  });
});
