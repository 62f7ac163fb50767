# Receives webhooks, and verifies each before anything else. Ruby 3.1 or newer, no gems but Rack and its server.
# WEBHOOK_SECRET=whpk_... rackup --port 9000

require "openssl"

TOLERANCE_SECONDS = 300

# The public key in its text: "whpk_" and base64 of 32 bytes.
def key_of(text)
  key = text.to_s.start_with?("whpk_") ? text.delete_prefix("whpk_").unpack1("m") : ""
  raise ArgumentError, "WEBHOOK_SECRET must be the integration's public key: whpk_ and base64." if key.bytesize != 32

  # What precedes the 32 bytes where a key is written as X.509.
  OpenSSL::PKey.read("MCowBQYDK2VwAyEA".unpack1("m") + key)
end

# Whether the body was signed with the private half of the key, a short while ago.
# env: Rack's, in Rails request.env. body: as received, before any parsing, in Rails request.raw_post.
def verify(key, env, body)
  id, timestamp = env.values_at("HTTP_WEBHOOK_ID", "HTTP_WEBHOOK_TIMESTAMP").map(&:to_s)
  return false if id.empty? || !timestamp.match?(/\A[0-9]{1,12}\z/)

  # An old request must not be sent to you again by somebody who recorded it.
  return false if (Time.now.to_i - timestamp.to_i).abs > TOLERANCE_SECONDS

  signed = "#{id}.#{timestamp}.".b + body.b

  # One entry for each key that is live: several while a key is being rotated.
  env["HTTP_WEBHOOK_SIGNATURE"].to_s.split.any? do |entry|
    version, signature = entry.split(",", 2)
    version == "v1a" && key.verify(nil, signature.to_s.unpack1("m"), signed)
  end
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
