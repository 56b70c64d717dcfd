"use strict";

// Without a script the menu of the browser prints the page just as well.
const print = document.getElementById("print");
print.hidden = false;
print.addEventListener("click", () => window.print());
