// Select2 puts a box of its own where a choice was, and leaves its label behind: it is told again.
"use strict";
function nameBoxes() {
  for (const box of document.querySelectorAll(".select2-container")) {
    const choice = box.previousElementSibling;
    const label = choice && document.querySelector(`label[for="${choice.id}"]`);
    if (!label) continue;
    label.id ||= `${choice.id}_label`;
    for (const part of box.querySelectorAll("[role=combobox], [role=textbox]")) {
      const value = part.matches("[role=combobox]") ? part.getAttribute("aria-labelledby") : "";
      part.setAttribute("aria-labelledby", `${label.id} ${value || ""}`.trim());
    }
  }
}
// The boxes are made by what waits for jQuery, which may be after all is loaded.
window.addEventListener("load", () => window.django?.jQuery?.(nameBoxes));
