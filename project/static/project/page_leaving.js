// Django's script for related records closes its windows on "unload", which browsers are giving up
// and for which they do not keep a page for the way back: the event in its place is told instead.
"use strict";
{
  const { addEventListener } = window;
  window.addEventListener = (type, ...rest) =>
    addEventListener.call(window, type === "unload" ? "pagehide" : type, ...rest);
}
