#!/bin/sh
# Verifies one webhook, or sends one to your endpoint, with openssl and curl alone. For looking at single requests:
# openssl gets the key as an argument, which other users of the machine can see, and shells have no constant-time comparison.
# WEBHOOK_SECRET=whsec_... sh webhook.sh verify "$id" "$timestamp" "$signature" <body.json
# WEBHOOK_SECRET=whsec_... sh webhook.sh send http://127.0.0.1:9000/hook <body.json

set -euf
tolerance_seconds=300

# sign ID TIMESTAMP <BODY: the entry of the header webhook-signature.
sign() {
  key=$(printf %s "${WEBHOOK_SECRET#whsec_}" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \n')
  if [ "$WEBHOOK_SECRET" = "${WEBHOOK_SECRET#whsec_}" ] || [ ${#key} -lt 48 ]; then
    echo "WEBHOOK_SECRET must be the integration's secret: whsec_ and base64." >&2
    return 1
  fi
  mac=$({ printf %s.%s. "$1" "$2"; cat; } | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | openssl base64 -A)
  [ ${#mac} -eq 44 ] && printf v1,%s "$mac"
}

# verify ID TIMESTAMP SIGNATURES <BODY: the values of webhook-id, webhook-timestamp and webhook-signature,
# and the body as received.
verify() {
  case $2 in '' | 0* | *[!0-9]* | ?????????????*) return 1 ;; esac
  # An old request must not be sent to you again by somebody who recorded it.
  age=$(($(date +%s) - $2))
  [ -n "$1" ] && [ $age -le $tolerance_seconds ] && [ $age -ge -$tolerance_seconds ] || return 1

  expected=$(sign "$1" "$2") || return 1
  # One entry for each secret that is live: several while a secret is being rotated.
  for entry in $3; do
    if [ "$entry" = "$expected" ]; then return 0; fi
  done
  return 1
}

# send URL <BODY: signs the body as a webhook, and posts it.
send() {
  body=$(mktemp)
  trap 'rm -f "$body"' EXIT
  cat >"$body"
  id=test_$(openssl rand -hex 12)
  timestamp=$(date +%s)
  signature=$(sign "$id" "$timestamp" <"$body") || return 1
  curl --silent --show-error --include --data-binary "@$body" -H "content-type: application/json" \
    -H "webhook-id: $id" -H "webhook-timestamp: $timestamp" -H "webhook-signature: $signature" "$1"
}

: "${WEBHOOK_SECRET:?must be the secret of the integration}"
case "${1-} $#" in
  "verify 4") if verify "$2" "$3" "$4"; then echo genuine; else echo refused; exit 1; fi ;;
  "send 2") send "$2" ;;
  *) echo "usage: webhook.sh verify ID TIMESTAMP SIGNATURE <BODY | webhook.sh send URL <BODY" >&2; exit 2 ;;
esac
