// Receives webhooks, and verifies each before anything else. Go 1.19 or newer, no modules.
// WEBHOOK_SECRET=whsec_... go run main.go

package main

import (
	"crypto/hmac"
	"crypto/sha256"
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

// keyOf gives the key in a secret: "whsec_" and base64.
func keyOf(secret string) ([]byte, error) {
	encoded := strings.TrimPrefix(secret, "whsec_")
	key, err := base64.StdEncoding.DecodeString(encoded)
	if encoded == secret || err != nil || len(key) < 24 {
		return nil, errors.New("WEBHOOK_SECRET must be the integration's secret: whsec_ and base64")
	}
	return key, nil
}

// verify reports whether the body was signed with the key, a short while ago.
// body is what was received, before any parsing.
func verify(key []byte, header http.Header, body []byte) bool {
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

	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + timestamp + "."))
	mac.Write(body)
	expected := []byte("v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)))

	// One entry for each secret that is live: several while a secret is being rotated.
	for _, entry := range strings.Split(header.Get("webhook-signature"), " ") {
		if hmac.Equal([]byte(entry), expected) {
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
