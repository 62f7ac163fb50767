// Filters by time: people choose in their own zone, the address holds the instant.

const two = number => String(number).padStart(2, "0");

/** An instant as a datetime-local input writes it. */
export const localOf = at =>
  `${String(at.getFullYear()).padStart(4, "0")}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}`;

/** The instant that a datetime-local input means, as RFC 3339; empty where it says nothing. */
export const instantOf = text => {
  const at = new Date(text);
  return text && !Number.isNaN(at.getTime()) ? at.toISOString() : "";
};

for (const input of document.querySelectorAll("input[data-time]")) {
  const instant = document.getElementById(input.dataset.time);
  const at = new Date(instant.value);
  if (instant.value && !Number.isNaN(at.getTime())) input.value = localOf(at);
  // Told as it is typed: the form waits for its button, because a date is complete before its last digit.
  input.addEventListener("input", () => { instant.value = instantOf(input.value); });
  input.addEventListener("change", event => event.stopPropagation());
}
