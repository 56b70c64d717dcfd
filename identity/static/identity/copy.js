// A button beside a field that copies what is in it. Without a script, or where the browser copies
// nothing, such as on a plain HTTP page, the field is there to be selected.
'use strict'

document.addEventListener('DOMContentLoaded', () => {
  for (const button of document.querySelectorAll('[data-copy]')) {
    const field = document.getElementById(button.dataset.copy)
    field.addEventListener('focus', () => field.select())
    if (!navigator.clipboard) {
      continue
    }
    button.hidden = false
    button.addEventListener('click', async () => {
      await navigator.clipboard.writeText(field.value)
      button.textContent = button.dataset.copied
    })
  }
})
