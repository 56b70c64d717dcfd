// Django's script for related records closes its windows on "unload", which browsers are giving up
// and for which they do not keep a page for the way back: the event in its place is told instead.
"use strict";
{
  const { addEventListener } = window;
  window.addEventListener = (type, ...rest) =>
    addEventListener.call(window, type === "unload" ? "pagehide" : type, ...rest);
}
// A form that is sent once has been, when somebody comes back to it: they would write the next
// thing into a form that is used up.
window.addEventListener("pageshow", ({ persisted }) => {
  if (persisted && document.querySelector("[name=form_key]")) {
    location.reload();
  }
});
