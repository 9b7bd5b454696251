// Package vocab reads llama2.c tokenizer files and turns text into token ids and
// back: byte-pair pieces with scores, merged best score first, with single bytes as
// the last resort.
package vocab

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
)

// Ids with a fixed meaning.
const (
	BOS   = 1 // begins a document
	EOS   = 2 // ends one
	byte0 = 3 // the token of byte b is byte0 + b
)

// Vocab is a vocabulary. It is read only once parsed.
type Vocab struct {
	pieces []string
	scores []float32
	index  map[string]int32
}

// Parse reads size tokens from a llama2.c tokenizer file: an int32, the length of
// the longest piece, then per token a float32 score, an int32 length and the piece.
// The file must hold exactly size tokens, at least the 259 fixed ones.
func Parse(data []byte, size int) (*Vocab, error) {
	if size < byte0+256 {
		return nil, fmt.Errorf("vocab: size %d, want at least %d", size, byte0+256)
	}
	if len(data) < 4 || (len(data)-4)/8 < size {
		return nil, fmt.Errorf("vocab: %d bytes are too few for %d tokens", len(data), size)
	}
	longest := binary.LittleEndian.Uint32(data)
	data = data[4:]
	v := &Vocab{
		pieces: make([]string, size),
		scores: make([]float32, size),
		index:  make(map[string]int32, size),
	}
	for id := range size {
		if len(data) < 8 {
			return nil, fmt.Errorf("vocab: token %d: file ends in its header", id)
		}
		score := math.Float32frombits(binary.LittleEndian.Uint32(data))
		n := binary.LittleEndian.Uint32(data[4:])
		data = data[8:]
		switch {
		case score != score:
			return nil, fmt.Errorf("vocab: token %d: score is not a number", id)
		case n > longest:
			return nil, fmt.Errorf("vocab: token %d: length %d exceeds max_token_length %d", id, n, longest)
		case uint64(n) > uint64(len(data)):
			return nil, fmt.Errorf("vocab: token %d: length %d exceeds the %d bytes left", id, n, len(data))
		}
		v.pieces[id], v.scores[id] = string(data[:n]), score
		data = data[n:]
		if id >= byte0 && id < byte0+256 {
			if want := fmt.Sprintf("<0x%02X>", id-byte0); v.pieces[id] != want {
				return nil, fmt.Errorf("vocab: token %d is %q, want the byte token %s", id, v.pieces[id], want)
			}
		} else if _, twice := v.index[v.pieces[id]]; !twice && id >= byte0 {
			v.index[v.pieces[id]] = int32(id)
		}
	}
	if len(data) != 0 {
		return nil, fmt.Errorf("vocab: %d bytes follow the last of %d tokens", len(data), size)
	}
	return v, nil
}

// Size is the number of tokens.
func (v *Vocab) Size() int { return len(v.pieces) }

// AppendText appends the text of token id to dst. The space that encoding puts in
// front of a document is dropped after BOS, the token before. Ids out of range and
// the three control tokens have no text.
func (v *Vocab) AppendText(dst []byte, before, id int32) []byte {
	if id < byte0 || int(id) >= len(v.pieces) {
		return dst
	}
	text := v.pieces[id]
	if id < byte0+256 {
		text = string([]byte{byte(id - byte0)})
	}
	if before == BOS {
		text = strings.TrimPrefix(text, " ")
	}
	return append(dst, text...)
}

// Decode is the text of ids.
func (v *Vocab) Decode(ids []int32) string {
	var text []byte
	before := int32(0)
	for _, id := range ids {
		text = v.AppendText(text, before, id)
		before = id
	}
	return string(text)
}
