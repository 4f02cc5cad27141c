/** Guesses the time zone for whoever registers, where the form asks for the guess. */
export function start() {
  for (const field of document.querySelectorAll("input[data-guess-time-zone]")) {
    field.value = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
  }
}
