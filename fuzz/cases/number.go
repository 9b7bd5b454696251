package cases

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
)

// Number is a float64 whose JSON form is a number or one of the strings "Inf", "+Inf", "-Inf", "NaN", "-0", or a decimal in quotes.
type Number float64

// UnmarshalJSON decodes both forms.
func (n *Number) UnmarshalJSON(b []byte) error {
	s := strings.Trim(string(b), `"`)
	if s == "-0" {
		*n = Number(math.Copysign(0, -1))
		return nil
	}
	x, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return fmt.Errorf("cases: %q is not a number", s)
	}
	*n = Number(x)
	return nil
}

// Floats converts a slice of numbers.
func Floats(ns []Number) []float64 {
	xs := make([]float64, len(ns))
	for i, n := range ns {
		xs[i] = float64(n)
	}
	return xs
}

// Bits32 is a binary32 pattern whose JSON form is a hexadecimal string such as "0x3f800000", or "nan".
type Bits32 uint32

// UnmarshalJSON decodes the hexadecimal string.
func (b *Bits32) UnmarshalJSON(text []byte) error {
	if string(text) == `"nan"` {
		*b = 0x7fc00000
		return nil
	}
	x, err := parseHex(text, 32)
	*b = Bits32(x)
	return err
}

// Float returns the value of the pattern.
func (b Bits32) Float() float32 { return math.Float32frombits(uint32(b)) }

// Bits64 is a binary64 pattern whose JSON form is a hexadecimal string.
type Bits64 uint64

// UnmarshalJSON decodes the hexadecimal string.
func (b *Bits64) UnmarshalJSON(text []byte) error {
	x, err := parseHex(text, 64)
	*b = Bits64(x)
	return err
}

// Float returns the value of the pattern.
func (b Bits64) Float() float64 { return math.Float64frombits(uint64(b)) }

func parseHex(text []byte, bits int) (uint64, error) {
	s := strings.Trim(string(text), `"`)
	x, err := strconv.ParseUint(strings.TrimPrefix(s, "0x"), 16, bits)
	if err != nil {
		return 0, fmt.Errorf("cases: %q is not a %d-bit pattern", s, bits)
	}
	return x, nil
}

// LoadJSON decodes one JSON file into v. Fields of golden files are decoded with [Number] where infinities may occur.
func LoadJSON(path string, v any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("cases: %s: %w", path, err)
	}
	return nil
}
