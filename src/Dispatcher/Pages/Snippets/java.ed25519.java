// Receives webhooks, and verifies each before anything else. Java 15 or newer, no libraries.
// WEBHOOK_SECRET=whpk_... java Webhooks.java

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.Signature;
import java.security.SignatureException;
import java.security.spec.X509EncodedKeySpec;
import java.time.Instant;
import java.util.Base64;
import java.util.concurrent.Executors;
import java.util.function.UnaryOperator;

public final class Webhooks {
    private static final int TOLERANCE_SECONDS = 300;
    private static final int MAX_BODY_BYTES = 16 * 1024 * 1024;

    /** The public key in its text: "whpk_" and base64 of 32 bytes. */
    static PublicKey keyOf(String text) throws GeneralSecurityException {
        var isKey = text != null && text.startsWith("whpk_");
        var key = isKey ? Base64.getDecoder().decode(text.substring(5)) : new byte[0];
        if (key.length != 32) {
            throw new IllegalArgumentException("WEBHOOK_SECRET must be the integration's public key: whpk_ and base64.");
        }
        // What precedes the 32 bytes where a key is written as X.509.
        var encoded = ByteBuffer.allocate(44).put(Base64.getDecoder().decode("MCowBQYDK2VwAyEA")).put(key).array();
        return KeyFactory.getInstance("Ed25519").generatePublic(new X509EncodedKeySpec(encoded));
    }

    /**
     * Whether the body was signed with the private half of the key, a short while ago.
     *
     * @param header gives a header's value by its name, or null; in Spring: HttpHeaders::getFirst
     * @param body   the bytes as received, before any parsing; in Spring: @RequestBody byte[]
     */
    static boolean verify(PublicKey key, UnaryOperator<String> header, byte[] body) throws GeneralSecurityException {
        var id = header.apply("webhook-id");
        var timestamp = header.apply("webhook-timestamp");
        var signatures = header.apply("webhook-signature");
        if (id == null || id.isEmpty() || signatures == null) return false;
        if (timestamp == null || !timestamp.matches("[0-9]{1,12}")) return false;

        // An old request must not be sent to you again by somebody who recorded it.
        var age = Instant.now().getEpochSecond() - Long.parseLong(timestamp);
        if (Math.abs(age) > TOLERANCE_SECONDS) return false;

        // One entry for each key that is live: several while a key is being rotated.
        for (var entry : signatures.split(" ")) {
            if (!entry.startsWith("v1a,")) continue;
            if (isSignature(key, entry.substring(4), id + "." + timestamp + ".", body)) return true;
        }
        return false;
    }

    private static boolean isSignature(PublicKey key, String encoded, String head, byte[] body)
            throws GeneralSecurityException {
        var signature = Signature.getInstance("Ed25519");
        signature.initVerify(key);
        signature.update(head.getBytes(StandardCharsets.UTF_8));
        signature.update(body);
        try {
            return signature.verify(Base64.getDecoder().decode(encoded));
        } catch (IllegalArgumentException | SignatureException e) {
            return false;
        }
    }

    private static void handle(PublicKey key, HttpExchange exchange) throws IOException {
        try (exchange) {
            var body = exchange.getRequestBody().readNBytes(MAX_BODY_BYTES + 1);
            if (body.length > MAX_BODY_BYTES) {
                exchange.sendResponseHeaders(413, -1);
            } else if (!verify(key, exchange.getRequestHeaders()::getFirst, body)) {
                exchange.sendResponseHeaders(401, -1);
            } else {
                // Genuine. The same webhook-id can come again: do nothing for one that you have had.
                // Put the event into a queue of your own, answer 2xx at once, and do the work afterwards.
                System.out.println("Received " + exchange.getRequestHeaders().getFirst("webhook-id"));
                exchange.sendResponseHeaders(204, -1);
            }
        } catch (GeneralSecurityException e) {
            throw new IOException(e);
        }
    }

    public static void main(String[] args) throws IOException, GeneralSecurityException {
        var key = keyOf(System.getenv("WEBHOOK_SECRET"));
        var port = Integer.parseInt(System.getenv().getOrDefault("PORT", "9000"));
        var server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 0);
        server.createContext("/hook", exchange -> handle(key, exchange));
        server.setExecutor(Executors.newFixedThreadPool(16));
        server.start();
        System.out.println("Listening on http://127.0.0.1:" + server.getAddress().getPort() + "/hook");
    }
}
