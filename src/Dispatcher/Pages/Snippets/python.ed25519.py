# Receives webhooks, and verifies each before anything else. Python 3.9 or newer.
# The standard library has no ed25519: pip install cryptography
# WEBHOOK_SECRET=whpk_... python3 webhook.py

import base64
import os
import re
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

TOLERANCE_SECONDS = 300
MAX_BODY_BYTES = 16 * 1024 * 1024


def key_of(text: str) -> Ed25519PublicKey:
    """The public key in its text: "whpk_" and base64 of 32 bytes."""
    key = base64.b64decode(text[5:]) if text.startswith("whpk_") else b""
    if len(key) != 32:
        raise ValueError("WEBHOOK_SECRET must be the integration's public key: whpk_ and base64.")
    return Ed25519PublicKey.from_public_bytes(key)


def verify(key: Ed25519PublicKey, headers, body: bytes) -> bool:
    """Whether the body was signed with the private half of the key, a short while ago.

    headers: anything with get() by name. body: as received, before any parsing: request.get_data()
    in Flask, request.body in Django, await request.body() in FastAPI.
    """
    webhook_id = headers.get("webhook-id") or ""
    timestamp = headers.get("webhook-timestamp") or ""
    signatures = headers.get("webhook-signature") or ""
    if not webhook_id or not re.fullmatch("[0-9]{1,12}", timestamp):
        return False

    # An old request must not be sent to you again by somebody who recorded it.
    if abs(int(time.time()) - int(timestamp)) > TOLERANCE_SECONDS:
        return False

    signed = f"{webhook_id}.{timestamp}.".encode() + body

    # One entry for each key that is live: several while a key is being rotated.
    for entry in signatures.split(" "):
        version, _, signature = entry.partition(",")
        if version != "v1a":
            continue
        try:
            key.verify(base64.b64decode(signature), signed)
            return True
        except (ValueError, InvalidSignature):
            continue
    return False


class Hook(BaseHTTPRequestHandler):
    timeout = 30

    def do_POST(self):
        length = int(self.headers.get("content-length") or 0)
        if not 0 <= length <= MAX_BODY_BYTES:
            self.answer(413)
            return
        body = self.rfile.read(length)
        if not verify(KEY, self.headers, body):
            self.answer(401)
            return

        # Genuine. The same webhook-id can come again: do nothing for one that you have had.
        # Put the event into a queue of your own, answer 2xx at once, and do the work afterwards.
        print("Received", self.headers["webhook-id"], flush=True)
        self.answer(204)

    def answer(self, status: int):
        self.send_response(status)
        # This server closes after each answer, and clients that keep connections have to be told.
        self.send_header("connection", "close")
        self.end_headers()


if __name__ == "__main__":
    KEY = key_of(os.environ.get("WEBHOOK_SECRET", ""))
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "9000"))), Hook)
    print(f"Listening on http://127.0.0.1:{server.server_port}/hook", flush=True)
    server.serve_forever()
