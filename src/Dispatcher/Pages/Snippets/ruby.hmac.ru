# Receives webhooks, and verifies each before anything else. Ruby 3.0 or newer, no gems but Rack and its server.
# WEBHOOK_SECRET=whsec_... rackup --port 9000

require "openssl"

TOLERANCE_SECONDS = 300

# The key in a secret: "whsec_" and base64.
def key_of(secret)
  key = secret.to_s.start_with?("whsec_") ? secret.delete_prefix("whsec_").unpack1("m") : ""
  raise ArgumentError, "WEBHOOK_SECRET must be the integration's secret: whsec_ and base64." if key.bytesize < 24

  key
end

# Whether the body was signed with the key, a short while ago.
# env: Rack's, in Rails request.env. body: as received, before any parsing, in Rails request.raw_post.
def verify(key, env, body)
  id, timestamp = env.values_at("HTTP_WEBHOOK_ID", "HTTP_WEBHOOK_TIMESTAMP").map(&:to_s)
  return false if id.empty? || !timestamp.match?(/\A[0-9]{1,12}\z/)

  # An old request must not be sent to you again by somebody who recorded it.
  return false if (Time.now.to_i - timestamp.to_i).abs > TOLERANCE_SECONDS

  digest = OpenSSL::HMAC.digest("SHA256", key, "#{id}.#{timestamp}.".b + body.b)
  expected = "v1,#{[digest].pack("m0")}"

  # One entry for each secret that is live: several while a secret is being rotated.
  env["HTTP_WEBHOOK_SIGNATURE"].to_s.split.any? { |entry| OpenSSL.secure_compare(entry, expected) }
end

key = key_of(ENV["WEBHOOK_SECRET"])

run(lambda do |env|
  body = env["rack.input"]&.read.to_s
  next [401, { "content-type" => "text/plain" }, []] unless verify(key, env, body)

  # Genuine. The same webhook-id can come again: do nothing for one that you have had.
  # Put the event into a queue of your own, answer 2xx at once, and do the work afterwards.
  puts "Received #{env["HTTP_WEBHOOK_ID"]}"
  [204, {}, []]
end)
