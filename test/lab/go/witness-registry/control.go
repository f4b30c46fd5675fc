package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"os"
	"time"
)

// takeOrders serves the control socket: PUT /fault, /listening, /accounts, each a small JSON object, in force when answered.
func takeOrders(socket string, w *witness, d *door) error {
	if err := os.Remove(socket); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	orders := http.NewServeMux()
	orders.HandleFunc("PUT /fault", func(out http.ResponseWriter, in *http.Request) {
		obey(out, in, func(next fault) error {
			w.setFault(next)
			return nil
		})
	})
	orders.HandleFunc("PUT /accounts", func(out http.ResponseWriter, in *http.Request) {
		obey(out, in, func(next map[string]string) error {
			w.setAccounts(next)
			return nil
		})
	})
	orders.HandleFunc("PUT /listening", func(out http.ResponseWriter, in *http.Request) {
		obey(out, in, func(next struct{ On bool }) error {
			if next.On {
				return d.open()
			}
			return d.close()
		})
	})
	server := &http.Server{Handler: orders, ReadHeaderTimeout: 10 * time.Second}
	return server.Serve(listener)
}

// obey reads an order and answers 204 once it is in force.
func obey[T any](out http.ResponseWriter, in *http.Request, order func(T) error) {
	var wanted T
	decoder := json.NewDecoder(http.MaxBytesReader(out, in.Body, 1<<16))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&wanted); err != nil {
		http.Error(out, err.Error(), http.StatusBadRequest)
		return
	}
	if err := order(wanted); err != nil {
		http.Error(out, err.Error(), http.StatusConflict)
		return
	}
	out.WriteHeader(http.StatusNoContent)
}
