<?php
// Receives webhooks, and verifies each before anything else. PHP 8.0 or newer, no packages.
// WEBHOOK_SECRET=whsec_... php -S 127.0.0.1:9000 webhook.php

declare(strict_types=1);

const TOLERANCE_SECONDS = 300;

/** The key in a secret: "whsec_" and base64. */
function key_of(string $secret): string
{
    $key = str_starts_with($secret, 'whsec_') ? base64_decode(substr($secret, 6), true) : false;
    if ($key === false || strlen($key) < 24) {
        throw new InvalidArgumentException("WEBHOOK_SECRET must be the integration's secret: whsec_ and base64.");
    }
    return $key;
}

/**
 * Whether the body was signed with the key, a short while ago.
 *
 * @param array $server $_SERVER, where PHP keeps the headers
 * @param string $body as received, before any parsing; in Laravel: $request->getContent()
 */
function verify(string $key, array $server, string $body): bool
{
    $id = $server['HTTP_WEBHOOK_ID'] ?? '';
    $timestamp = $server['HTTP_WEBHOOK_TIMESTAMP'] ?? '';
    $signatures = $server['HTTP_WEBHOOK_SIGNATURE'] ?? '';
    if ($id === '' || !preg_match('/^[0-9]{1,12}$/D', $timestamp)) {
        return false;
    }

    // An old request must not be sent to you again by somebody who recorded it.
    if (abs(time() - (int) $timestamp) > TOLERANCE_SECONDS) {
        return false;
    }

    $expected = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$timestamp.$body", $key, true));

    // One entry for each secret that is live: several while a secret is being rotated.
    foreach (explode(' ', $signatures) as $entry) {
        if (hash_equals($expected, $entry)) {
            return true;
        }
    }
    return false;
}

// Until the signature has matched, whatever goes wrong here must not be answered with success.
http_response_code(500);
$key = key_of((string) getenv('WEBHOOK_SECRET'));
if (!verify($key, $_SERVER, (string) file_get_contents('php://input'))) {
    http_response_code(401);
    exit;
}

// Genuine. The same webhook-id can come again: do nothing for one that you have had.
// Put the event into a queue of your own, answer 2xx at once, and do the work afterwards.
error_log('Received ' . $_SERVER['HTTP_WEBHOOK_ID']);
http_response_code(204);
