#!/bin/sh
# Verifies one webhook with openssl (3.0 or newer) alone, for looking at single requests.
# WEBHOOK_SECRET=whpk_... sh webhook.sh "$id" "$timestamp" "$signature" <body.json

set -euf
tolerance_seconds=300
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# verify ID TIMESTAMP SIGNATURES <BODY: the values of webhook-id, webhook-timestamp and webhook-signature,
# and the body as received.
verify() {
  case $2 in '' | 0* | *[!0-9]* | ?????????????*) return 1 ;; esac
  # An old request must not be sent to you again by somebody who recorded it.
  age=$(($(date +%s) - $2))
  [ -n "$1" ] && [ $age -le $tolerance_seconds ] && [ $age -ge -$tolerance_seconds ] || return 1

  { printf %s.%s. "$1" "$2"; cat; } >"$work/signed" || return 1
  # One entry for each key that is live: several while a key is being rotated.
  for entry in $3; do
    [ "$entry" != "${entry#v1a,}" ] || continue
    printf %s "${entry#v1a,}" | openssl base64 -d -A >"$work/signature"
    if openssl pkeyutl -verify -pubin -keyform DER -inkey "$work/key" -rawin -in "$work/signed" \
      -sigfile "$work/signature" >"$work/said" 2>&1; then return 0; fi
  done
  return 1
}

if [ $# -ne 3 ]; then
  echo "usage: webhook.sh ID TIMESTAMP SIGNATURE <BODY" >&2
  exit 2
fi

# What precedes the 32 bytes where a key is written as X.509, and the key.
key=${WEBHOOK_SECRET-}
{ echo MCowBQYDK2VwAyEA | openssl base64 -d; printf %s "${key#whpk_}" | openssl base64 -d -A; } >"$work/key"
if [ "$key" = "${key#whpk_}" ] || [ "$(wc -c <"$work/key")" -ne 44 ]; then
  echo "WEBHOOK_SECRET must be the integration's public key: whpk_ and base64." >&2
  exit 2
fi

if verify "$1" "$2" "$3"; then echo genuine; else echo refused; exit 1; fi
