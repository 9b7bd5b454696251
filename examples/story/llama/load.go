package llama

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
)

// Open reads a model from a file; see Read.
func Open(path string) (*Model, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	m, err := Read(f, info.Size())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// Read reads a model of size bytes: this project's packed format (see packed.go)
// when it starts with the magic, a llama2.c "version 0" checkpoint otherwise. The
// header must account for exactly size bytes; that is checked before any weight is
// allocated. Weights that are not finite are an error.
func Read(r io.Reader, size int64) (*Model, error) {
	s := &source{r: bufio.NewReaderSize(r, 1<<16)}
	head, err := s.r.Peek(len(packedMagic))
	if err != nil {
		return nil, fmt.Errorf("llama: header: %w", io.ErrUnexpectedEOF)
	}
	if string(head) == packedMagic {
		return readPacked(s, size)
	}
	return readCheckpoint(s, size)
}

// checkSize compares the size a header implies with the size of the file.
func checkSize(want, size int64) error {
	if want != size {
		return fmt.Errorf("llama: file size is %d bytes, its header says %d", size, want)
	}
	if want > math.MaxInt/4 { // an int8 weight becomes a float32
		return fmt.Errorf("llama: file size %d bytes exceeds the address space", want)
	}
	return nil
}

// source reads little-endian fields and remembers the first error, so that a
// format reads as a list of its fields.
type source struct {
	r   *bufio.Reader
	err error
	buf [4096]byte
}

// fail records an error of the field unless there is one already.
func (s *source) fail(field string, err error) {
	if s.err == nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		s.err = fmt.Errorf("llama: %s: %w", field, err)
	}
}

func (s *source) bytes(field string, b []byte) {
	if s.err == nil {
		if _, err := io.ReadFull(s.r, b); err != nil {
			s.fail(field, err)
		}
	}
}

func (s *source) int32(field string) int {
	b := s.buf[:4]
	s.bytes(field, b)
	return int(int32(binary.LittleEndian.Uint32(b)))
}

func (s *source) float32s(field string, dst []float32) {
	for len(dst) > 0 && s.err == nil {
		n := min(len(dst), len(s.buf)/4)
		s.bytes(field, s.buf[:4*n])
		for i := range dst[:n] {
			v := math.Float32frombits(binary.LittleEndian.Uint32(s.buf[4*i:]))
			if v-v != 0 {
				s.fail(field, fmt.Errorf("weight %v is not finite", v))
			}
			dst[i] = v
		}
		dst = dst[n:]
	}
}
