// Receives webhooks, and verifies each before anything else. Go 1.19 or newer, no modules.
// WEBHOOK_SECRET=whpk_... go run main.go

package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	tolerance    = 300 // seconds
	maxBodyBytes = 16 << 20
)

// keyOf gives the public key in its text: "whpk_" and base64 of 32 bytes.
func keyOf(text string) (ed25519.PublicKey, error) {
	encoded := strings.TrimPrefix(text, "whpk_")
	key, err := base64.StdEncoding.DecodeString(encoded)
	if encoded == text || err != nil || len(key) != ed25519.PublicKeySize {
		return nil, errors.New("WEBHOOK_SECRET must be the integration's public key: whpk_ and base64")
	}
	return key, nil
}

// verify reports whether the body was signed with the private half of the key, a short while ago.
// body is what was received, before any parsing.
func verify(key ed25519.PublicKey, header http.Header, body []byte) bool {
	id, timestamp := header.Get("webhook-id"), header.Get("webhook-timestamp")
	seconds, err := strconv.ParseUint(timestamp, 10, 40)
	if err != nil || id == "" {
		return false
	}

	// An old request must not be sent to you again by somebody who recorded it.
	age := time.Now().Unix() - int64(seconds)
	if age < -tolerance || age > tolerance {
		return false
	}

	signed := append([]byte(id+"."+timestamp+"."), body...)

	// One entry for each key that is live: several while a key is being rotated.
	for _, entry := range strings.Split(header.Get("webhook-signature"), " ") {
		version, encoded, _ := strings.Cut(entry, ",")
		signature, err := base64.StdEncoding.DecodeString(encoded)
		if version == "v1a" && err == nil && ed25519.Verify(key, signed, signature) {
			return true
		}
	}
	return false
}

func main() {
	key, err := keyOf(os.Getenv("WEBHOOK_SECRET"))
	if err != nil {
		log.Fatal(err)
	}

	http.HandleFunc("/hook", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBodyBytes))
		if err != nil {
			http.Error(w, "the body cannot be read", http.StatusBadRequest)
			return
		}
		if !verify(key, r.Header, body) {
			http.Error(w, "the signature does not match", http.StatusUnauthorized)
			return
		}

		// Genuine. The same webhook-id can come again: do nothing for one that you have had.
		// Put the event into a queue of your own, answer 2xx at once, and do the work afterwards.
		log.Print("Received ", r.Header.Get("webhook-id"))
		w.WriteHeader(http.StatusNoContent)
	})

	port := os.Getenv("PORT")
	if port == "" {
		port = "9000"
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("Listening on http://%s/hook", listener.Addr())
	server := &http.Server{ReadTimeout: 30 * time.Second}
	log.Fatal(server.Serve(listener))
}
