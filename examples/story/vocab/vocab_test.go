package vocab

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/qattn/qattn/fuzz/cases"
)

type piece struct {
	text  string
	score float32
}

// file returns a tokenizer file: the fixed tokens, then pieces.
func file(pieces ...piece) []byte {
	all := []piece{{"<unk>", 0}, {"\n<s>\n", 0}, {"\n</s>\n", 0}}
	for b := range 256 {
		all = append(all, piece{fmt.Sprintf("<0x%02X>", b), 0})
	}
	all = append(all, pieces...)
	longest := 0
	var body []byte
	for _, p := range all {
		longest = max(longest, len(p.text))
		body = binary.LittleEndian.AppendUint32(body, math.Float32bits(p.score))
		body = binary.LittleEndian.AppendUint32(body, uint32(len(p.text)))
		body = append(body, p.text...)
	}
	return append(binary.LittleEndian.AppendUint32(nil, uint32(longest)), body...)
}

var abc = []piece{{" ", -9}, {"a", -9}, {"b", -9}, {"é", -9}, {"ab", -1}, {"ba", -2}, {"aba", -3}, {" a", -4}, {"aa", -1}}

func parse(t testing.TB, data []byte, size int) *Vocab {
	t.Helper()
	v, err := Parse(data, size)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestEncode(t *testing.T) {
	v := parse(t, file(abc...), 259+len(abc))
	for text, want := range map[string][]string{
		"":      {},
		"b":     {" ", "b"},
		"aba":   {" ", "aba"},
		"aab":   {" ", "aa", "b"}, // "aa" and "ab" score the same, the left one merges
		"éx":    {" ", "é", "<0x78>"},
		"\xffa": {" ", "<0xFF>", "a"},
		"a":     {" a"},
	} {
		ids := v.Encode(text)
		var got []string
		for _, id := range ids[1:] {
			got = append(got, v.pieces[id])
		}
		if ids[0] != BOS || !slices.Equal(got, want) {
			t.Errorf("Encode(%q) is %d %q, want BOS and %q", text, ids[0], got, want)
		}
	}
}

// slow is the merge of llama2.c: look at every pair, merge the best, begin again.
func (v *Vocab) slow(text string) []int32 {
	ids := v.split(" " + text).ids
	for {
		best, at, to := float32(math.Inf(-1)), -1, int32(0)
		for i := range len(ids) - 1 {
			if id, ok := v.index[v.pieces[ids[i]]+v.pieces[ids[i+1]]]; ok && v.scores[id] > best {
				best, at, to = v.scores[id], i, id
			}
		}
		if at < 0 {
			return append([]int32{BOS}, ids...)
		}
		ids[at] = to
		ids = slices.Delete(ids, at+1, at+2)
	}
}

func TestEncodeAgainstSlowMerge(t *testing.T) {
	v := parse(t, file(abc...), 259+len(abc))
	rng := rand.New(rand.NewPCG(5, 6))
	for range 2000 {
		var text strings.Builder
		for range 1 + rng.IntN(20) {
			text.WriteString([]string{"a", "b", "a", "b", " ", "é", "x"}[rng.IntN(7)])
		}
		if got, want := v.Encode(text.String()), v.slow(text.String()); !slices.Equal(got, want) {
			t.Fatalf("Encode(%q) is %v, want %v", text.String(), got, want)
		}
	}
}

// stories is the tokenizer of stories260K.
func stories(t testing.TB) *Vocab {
	t.Helper()
	data, err := os.ReadFile(cases.Sub(t, "data", "models", "tok512.bin"))
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, data, 512)
}

func TestStoriesIDs(t *testing.T) {
	ids := []int32{1, 403, 407, 261, 378, 432, 383, 286, 261, 376, 298, 315, 421}
	v := stories(t)
	text := v.Decode(ids)
	if want := "Once upon a time, there was a little girl named Lily."; !strings.HasPrefix(want, text) {
		t.Errorf("ids decode to %q, want a beginning of %q", text, want)
	}
	if got := v.Encode(text); !slices.Equal(got, ids) {
		t.Errorf("Encode(%q) is %v, want %v", text, got, ids)
	}
}

// Without a piece for the space, its byte leads the text and is dropped again.
func TestDecodeWithoutSpacePiece(t *testing.T) {
	v := parse(t, file(abc[1:]...), 258+len(abc))
	for _, text := range []string{"ab", " ab", "  "} {
		if got := v.Decode(v.Encode(text)); got != text {
			t.Errorf("%q comes back as %q", text, got)
		}
	}
}

func FuzzRoundTrip(f *testing.F) {
	for _, s := range []string{"", " ", "a b", "ab\n\tba", "héllo, wörld", "\xff\xfe", "日本", "<0x41>"} {
		f.Add(s)
	}
	v := parse(f, file(abc...), 259+len(abc))
	f.Fuzz(func(t *testing.T, text string) {
		if got := v.Decode(v.Encode(text)); got != text {
			t.Errorf("%q comes back as %q", text, got)
		}
	})
}

func TestParseHostile(t *testing.T) {
	good, size := file(abc...), 259+len(abc)
	const byteText = 4 + 8 + 5 + 8 + 5 + 8 + 6 + 8 // where "<0x00>" begins
	at := func(offset int, v uint32) []byte {
		b := slices.Clone(good)
		binary.LittleEndian.PutUint32(b[offset:], v)
		return b
	}
	for _, c := range []struct {
		name string
		file []byte
		size int
		want string
	}{
		{"empty", nil, size, "too few"},
		{"no tokens", good, 0, "size 0"},
		{"negative size", good, -1, "size -1"},
		{"huge size", good, math.MaxInt32, "too few"},
		{"one token less", good, size - 1, "follow the last"},
		{"one token more", good, size + 1, "token 268: file ends"},
		{"cut", good[:len(good)-1], size, "token 267: length 2 exceeds the 1 bytes"},
		{"NaN score", at(4, math.Float32bits(float32(math.NaN()))), size, "token 0: score"},
		{"negative length", at(8, math.MaxUint32), size, "token 0: length 4294967295"},
		{"longer than the longest", at(0, 3), size, "max_token_length 3"},
		{"byte token spelled differently", at(byteText, 0x41307830), size, "token 3 is \"0x0A0>\""},
	} {
		v, err := Parse(c.file, c.size)
		if err == nil || v != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one that says %q", c.name, err, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(file(abc...), 259+len(abc))
	f.Fuzz(func(t *testing.T, data []byte, size int) {
		v, err := Parse(data, size)
		if (v == nil) == (err == nil) {
			t.Fatalf("vocabulary %v, error %v", v, err)
		}
		if v != nil {
			v.Decode(v.Encode("a ba"))
		}
	})
}
