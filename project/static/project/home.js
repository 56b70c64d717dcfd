// The first steps are put away in this browser once somebody says so.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const steps = document.getElementById("first-steps");
  const button = steps?.querySelector("button");
  if (!button || localStorage.getItem("first-steps") === "put away") {
    return;
  }
  steps.hidden = false;
  button.addEventListener("click", () => {
    localStorage.setItem("first-steps", "put away");
    steps.hidden = true;
  });
});
