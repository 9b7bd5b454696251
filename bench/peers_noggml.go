//go:build !ggml

package main

import "errors"

// ggmlPeers says how to get ggml: it is C++ and compiles for some minutes, so it is not
// part of an ordinary build.
func ggmlPeers([]shape, int) ([]subject, error) {
	return nil, errors.New(`ggml is not compiled in. With a C++ compiler:
  CGO_CFLAGS="-O3 -march=native" CGO_CXXFLAGS="-O3 -march=native" go run -tags ggml . peers`)
}
