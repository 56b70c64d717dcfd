"use strict";

// Taking an order by the keyboard alone: the search for who orders has the focus, opens as soon as
// somebody types, and leads on to what is ordered, or to a new customer where it finds nobody.
const beginToTakeOrders = () => {
  const $ = window.django.jQuery;
  const search = document.getElementById("id_customer");
  const name = document.getElementById("id_customer_name");
  const phone = document.getElementById("id_customer_phone");
  if (!search) {
    return;
  }
  const chosen = search.nextElementSibling.querySelector(".select2-selection");
  const newCustomer = name && name.closest("details");

  const label = (element) => element && element.setAttribute("aria-label", searchLabel());
  const searchLabel = () => document.querySelector("label[for=id_customer]").textContent.trim();
  const isPhone = (text) => /^[+(]?[0-9][0-9\s().\/-]*$/.test(text);

  // --- The search ---

  chosen.addEventListener("keydown", (event) => {
    const isCharacter = event.key.length === 1 && event.key !== " ";
    if (isCharacter && !event.ctrlKey && !event.metaKey && !event.altKey) {
      $(search).select2("open"); // what is typed goes to the field that has the focus then
    }
  });
  $(search).on("select2:open", () => {
    const field = document.querySelector(".select2-container--open .select2-search__field");
    const results = document.getElementById("select2-id_customer-results");
    label(field);
    label(results);
    chosen.setAttribute("aria-controls", results.id);
    results.removeAttribute("aria-expanded"); // which a list of options does not have
    field.setAttribute("placeholder", chosen.textContent.trim() ? "" : search.dataset.placeholder);
    field.focus();
  });
  $(search).on("select2:select", (event) => {
    const found = event.params.data;
    if (found.id === "new") {
      $(search).val(null).trigger("change");
      setTimeout(() => writeDown(found.typed));
    } else {
      setTimeout(() => document.getElementById("id_item").focus());
    }
  });

  // --- A new customer ---

  const writeDown = (typed) => {
    if (newCustomer) {
      newCustomer.open = true;
    }
    const [known, wanted] = isPhone(typed) ? [phone, name] : [name, phone];
    known.value = typed;
    wanted.focus();
  };
  if (newCustomer) {
    newCustomer.addEventListener("toggle", () => {
      if (newCustomer.open) {
        $(search).val(null).trigger("change");
      } else {
        name.value = phone.value = "";
      }
    });
  }

  // --- Where to begin ---

  // On a slow line somebody has begun before this script came, and Django's took the focus away.
  const typed = [...document.querySelectorAll("#order_form :is(input, textarea)")];
  const begun = typed.filter((field) => field.value !== field.defaultValue).at(-1);
  const wrong = document.querySelector("[aria-invalid=true]");
  const first = begun || wrong || (search.value ? document.getElementById("id_item") : search);
  (first === search ? chosen : first).focus();
};

// After the scripts of the admin: one of them gives the focus away, another makes the search.
window.addEventListener("load", () => window.django.jQuery(beginToTakeOrders));
