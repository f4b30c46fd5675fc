// Command witness-registry is a container registry in memory, over TLS, that writes down every request together with the
// credential that it showed, and that can be told over a unix socket to misbehave. The password itself is never written.
package main

import (
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
)

// config is the file named by the only argument.
type config struct {
	Listen      string            `json:"listen"`
	Realm       string            `json:"realm"`
	Certificate string            `json:"certificate"`
	Key         string            `json:"key"`
	Control     string            `json:"control"`
	Requests    string            `json:"requests"`
	Accounts    map[string]string `json:"accounts"`
}

func main() {
	log.SetFlags(log.Ltime | log.Lmicroseconds)
	if len(os.Args) != 2 {
		log.Fatal("usage: witness-registry CONFIG.json")
	}
	if err := run(os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

func run(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var cfg config
	if err := json.Unmarshal(text, &cfg); err != nil {
		return err
	}
	book, err := os.OpenFile(cfg.Requests, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	images := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	w := &witness{realm: cfg.Realm, accounts: cfg.Accounts, images: images, book: book}
	d := &door{config: cfg, handler: w}
	if err := d.open(); err != nil {
		return err
	}
	return takeOrders(cfg.Control, w, d)
}

// door is the port: closed, it refuses connections and has dropped those that were open.
type door struct {
	config  config
	handler http.Handler

	mu     sync.Mutex
	server *http.Server
}

func (d *door) open() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.server != nil {
		return nil
	}
	listener, err := net.Listen("tcp", d.config.Listen)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: d.handler, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		err := server.ServeTLS(listener, d.config.Certificate, d.config.Key)
		if !errors.Is(err, http.ErrServerClosed) {
			log.Fatal(err)
		}
	}()
	d.server = server
	return nil
}

func (d *door) close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.server == nil {
		return nil
	}
	server := d.server
	d.server = nil
	return server.Close()
}
