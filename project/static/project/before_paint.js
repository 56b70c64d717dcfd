// The one script that a page waits for: it is painted as its reader has chosen before in this
// browser, and nothing moves or changes its colours once the other scripts have come.
"use strict";
{
  const page = document.documentElement;
  const theme = (localStorage.getItem("adminTheme") ?? '"auto"').replaceAll('"', "");
  const isDark =
    theme === "dark" || (theme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
  // Alpine sees to these once it has started; it takes away no class but those that it gave itself.
  const forNow = [isDark ? "dark" : "light"];
  if (localStorage.getItem("sidebarDesktopOpen") === "0") {
    forNow.push("sidebar-closed");
  }
  page.classList.add(...forNow);
  document.addEventListener("alpine:init", () => page.classList.remove(...forNow));

  page.classList.toggle("first-steps-put-away", localStorage.getItem("first-steps") === "put away");
}
