// Receives webhooks, and verifies each before anything else. Java 11 or newer, no libraries.
// WEBHOOK_SECRET=whsec_... java Webhooks.java

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.Base64;
import java.util.concurrent.Executors;
import java.util.function.UnaryOperator;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

public final class Webhooks {
    private static final int TOLERANCE_SECONDS = 300;
    private static final int MAX_BODY_BYTES = 16 * 1024 * 1024;

    /** The key in a secret: "whsec_" and base64. */
    static SecretKeySpec keyOf(String secret) {
        var isSecret = secret != null && secret.startsWith("whsec_");
        var key = isSecret ? Base64.getDecoder().decode(secret.substring(6)) : new byte[0];
        if (key.length < 24) {
            throw new IllegalArgumentException("WEBHOOK_SECRET must be the integration's secret: whsec_ and base64.");
        }
        return new SecretKeySpec(key, "HmacSHA256");
    }

    /**
     * Whether the body was signed with the key, a short while ago.
     *
     * @param header gives a header's value by its name, or null; in Spring: HttpHeaders::getFirst
     * @param body   the bytes as received, before any parsing; in Spring: @RequestBody byte[]
     */
    static boolean verify(SecretKeySpec key, UnaryOperator<String> header, byte[] body) throws GeneralSecurityException {
        var id = header.apply("webhook-id");
        var timestamp = header.apply("webhook-timestamp");
        var signatures = header.apply("webhook-signature");
        if (id == null || id.isEmpty() || signatures == null) return false;
        if (timestamp == null || !timestamp.matches("[0-9]{1,12}")) return false;

        // An old request must not be sent to you again by somebody who recorded it.
        var age = Instant.now().getEpochSecond() - Long.parseLong(timestamp);
        if (Math.abs(age) > TOLERANCE_SECONDS) return false;

        var mac = Mac.getInstance("HmacSHA256");
        mac.init(key);
        mac.update((id + "." + timestamp + ".").getBytes(StandardCharsets.UTF_8));
        var signature = Base64.getEncoder().encodeToString(mac.doFinal(body));
        var expected = ("v1," + signature).getBytes(StandardCharsets.UTF_8);

        // One entry for each secret that is live: several while a secret is being rotated.
        for (var entry : signatures.split(" ")) {
            if (MessageDigest.isEqual(entry.getBytes(StandardCharsets.UTF_8), expected)) return true;
        }
        return false;
    }

    private static void handle(SecretKeySpec key, HttpExchange exchange) throws IOException {
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

    public static void main(String[] args) throws IOException {
        var key = keyOf(System.getenv("WEBHOOK_SECRET"));
        var port = Integer.parseInt(System.getenv().getOrDefault("PORT", "9000"));
        var server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 0);
        server.createContext("/hook", exchange -> handle(key, exchange));
        server.setExecutor(Executors.newFixedThreadPool(16));
        server.start();
        System.out.println("Listening on http://127.0.0.1:" + server.getAddress().getPort() + "/hook");
    }
}
