// Wires the buttons that ask the browser for a passkey to allauth's script, which does the asking.
// A button stays hidden where the browser has no passkeys, or the page's address is a number.
document.addEventListener('DOMContentLoaded', () => {
  const isNumber = /^[\d.]+$|^\[/.test(location.hostname)
  if (!window.PublicKeyCredential || !window.isSecureContext || isNumber) {
    return
  }
  for (const button of document.querySelectorAll('[data-passkey]')) {
    const wire = window.allauth.webauthn.forms[`${button.dataset.passkey}Form`]
    const ids = { credential: button.dataset.credential, data: 'js_data' }
    ids[button.dataset.passkey] = button.id
    if (document.getElementById('id_passwordless')) {
      ids.passwordless = 'id_passwordless'
    }
    wire({ ids })
    button.closest('[data-passkey-part]').hidden = false
  }
  for (const word of document.querySelectorAll('[data-no-passkey]')) {
    word.hidden = true
  }
  document.addEventListener('allauth.error', (event) => {
    event.preventDefault()
    const place = document.querySelector('[data-passkey-problem]')
    place.textContent = place.dataset.passkeyProblem
  })
})
