package main

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// fault is what every request is answered with; the zero value is none.
type fault struct {
	Status     int  `json:"status"`
	RetryAfter int  `json:"retryAfter"` // seconds
	Hang       bool `json:"hang"`
}

// witness asks for Basic authentication, obeys its fault and writes every request down.
type witness struct {
	realm  string
	images http.Handler

	mu       sync.Mutex
	accounts map[string]string
	fault    fault

	bookMu sync.Mutex
	book   io.Writer
}

// line is one request in the book.
type line struct {
	Time           int64  `json:"time"` // milliseconds since 1970
	From           string `json:"from"`
	Method         string `json:"method"`
	Path           string `json:"path"`
	User           string `json:"user,omitempty"`
	PasswordSha256 string `json:"passwordSha256,omitempty"`
	Status         int    `json:"status"`
}

func (w *witness) ServeHTTP(out http.ResponseWriter, in *http.Request) {
	entry := line{Time: time.Now().UnixMilli(), From: in.RemoteAddr, Method: in.Method, Path: in.URL.RequestURI()}
	if host, _, err := net.SplitHostPort(in.RemoteAddr); err == nil {
		entry.From = host
	}
	user, password, shown := in.BasicAuth()
	if shown {
		sum := sha256.Sum256([]byte(password))
		entry.User, entry.PasswordSha256 = user, hex.EncodeToString(sum[:])[:12]
	}
	w.mu.Lock()
	now := w.fault
	wanted, known := w.accounts[user]
	w.mu.Unlock()

	if now.Hang {
		// Written at once: whoever waits for this line must not have to wait for the caller to give up.
		w.write(entry)
		<-in.Context().Done()
		panic(http.ErrAbortHandler)
	}
	answer := &noted{ResponseWriter: out, status: http.StatusOK}
	// The panic of an aborted request passes by; the line is written all the same.
	defer func() {
		entry.Status = answer.status
		w.write(entry)
	}()
	switch {
	case now.Status != 0:
		if now.RetryAfter > 0 {
			answer.Header().Set("Retry-After", strconv.Itoa(now.RetryAfter))
		}
		refuse(answer, now.Status, codeOf(now.Status))
	case !shown || !known || subtle.ConstantTimeCompare([]byte(password), []byte(wanted)) != 1:
		answer.Header().Set("WWW-Authenticate", fmt.Sprintf("Basic realm=%q", w.realm))
		refuse(answer, http.StatusUnauthorized, "UNAUTHORIZED")
	default:
		w.images.ServeHTTP(answer, in)
	}
}

func (w *witness) setFault(next fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fault = next
}

func (w *witness) setAccounts(next map[string]string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.accounts = next
}

func (w *witness) write(entry line) {
	text, err := json.Marshal(entry)
	if err != nil {
		log.Fatal(err)
	}
	w.bookMu.Lock()
	defer w.bookMu.Unlock()
	// One write a line, so that a reader never sees two halves.
	if _, err := w.book.Write(append(text, '\n')); err != nil {
		log.Fatal(err)
	}
}

// codeOf names a status as the distribution specification does.
func codeOf(status int) string {
	switch status {
	case http.StatusTooManyRequests:
		return "TOOMANYREQUESTS"
	case http.StatusUnauthorized:
		return "UNAUTHORIZED"
	case http.StatusForbidden:
		return "DENIED"
	case http.StatusNotFound:
		return "MANIFEST_UNKNOWN"
	default:
		return "UNKNOWN"
	}
}

// refuse answers with an error body of the distribution specification.
func refuse(out http.ResponseWriter, status int, code string) {
	out.Header().Set("Content-Type", "application/json")
	out.WriteHeader(status)
	fmt.Fprintf(out, `{"errors":[{"code":%q,"message":"the lab's witness says so"}]}`+"\n", code)
}

// noted remembers the status that went out.
type noted struct {
	http.ResponseWriter
	status int
}

func (n *noted) WriteHeader(status int) {
	n.status = status
	n.ResponseWriter.WriteHeader(status)
}
