package fuzz

import (
	"errors"
	"math"
	"testing"

	"github.com/qattn/qattn/asm"
	"github.com/qattn/qattn/attention"
	"github.com/qattn/qattn/quant"
)

// FuzzConfig makes plans from arbitrary values: a typed error without a plan, or a plan
// whose layout and explanation are sane and whose Config makes the same plan.
func FuzzConfig(f *testing.F) {
	f.Add(int64(32), int64(8), int64(128), int64(128), int64(4), int64(-1), int64(0), uint8(3), uint8(13), uint32(0x0f), uint32(0), uint32(0), uint32(0), int64(1), uint8(0))
	f.Add(int64(1), int64(1), int64(1), int64(1), int64(64), int64(math.MaxInt64), int64(math.MinInt64), uint8(0), uint8(0), uint32(1<<10), uint32(0x7f7fffff), uint32(1), uint32(0x7fc00000), int64(math.MaxInt64), uint8(1))
	f.Add(int64(65536), int64(65536), int64(1024), int64(1024), int64(0), int64(5), int64(5), uint8(9), uint8(14), uint32(0x3ff), uint32(0x80000000), uint32(0x7f800000), uint32(0xff800000), int64(65537), uint8(255))
	f.Add(int64(math.MinInt64), int64(-1), int64(0), int64(1025), int64(65), int64(0), int64(1), uint8(15), uint8(16), uint32(0xffffffff), uint32(0xffffffff), uint32(0xffffffff), uint32(0), int64(0), uint8(7))
	f.Add(int64(12), int64(4), int64(80), int64(96), int64(0), int64(256), int64(0), uint8(3), uint8(3), uint32(0x6a0), uint32(0x3e000000), uint32(0x41f00000), uint32(0x3f000000), int64(3), uint8(4))
	for i := range uint32(20) { // every mode, with what may or may not go with it
		flags := i&3<<6 | i>>2<<17 | i%6<<20 | i%2<<23 | i%3/2<<24 | 0xf | i%4<<25
		f.Add(int64(4), int64(2), int64(16), int64(24), int64(i%5), int64(0), int64(0), uint8(i), uint8(3*i), flags, uint32(0), uint32(0), 0x3f800000+i<<20, int64(1), uint8(0))
	}
	names := append(asm.TierNames(), "", "x")
	formats := append(quant.Formats(), nil)
	f.Fuzz(func(t *testing.T, heads, kvHeads, dk, dv, sinks, left, right int64, formatK, formatV uint8, flags, scale, softcap, static uint32, workers int64, extra uint8) {
		has := func(bit int) bool { return flags>>bit&1 != 0 }
		pick := func(i uint8) quant.Format {
			switch n := int(i) % (len(formats) + 2); n {
			case len(formats):
				return quant.E4M3Static(math.Float32frombits(static))
			case len(formats) + 1:
				return quant.E5M2Static(math.Float32frombits(static))
			default:
				return formats[n]
			}
		}
		c := attention.Config{QHeads: int(heads), KVHeads: int(kvHeads), DK: int(dk), DV: int(dv),
			K: attention.Codec{Format: pick(formatK), Rotate: has(0), Center: has(1)},
			V: attention.Codec{Format: pick(formatV), Rotate: has(2), Center: has(3)},
			Q: attention.QMode(flags >> 4 & 3), P: attention.PMode(flags>>6&3 | flags>>17&7<<2),
			Correction: attention.Correction{Mode: attention.CorrectionMode(flags >> 20 & 7)}, Certify: has(24),
			Causal: has(8), Window: attention.Window{Limited: has(9), Left: int(left), Right: int(right)},
			Scale: math.Float32frombits(scale), Softcap: math.Float32frombits(softcap), SinkTokens: int(sinks),
			NonFinite: attention.NonFinitePolicy(flags >> 12 & 3)}
		if has(10) && heads >= 0 && heads < 1<<17 {
			c.ALiBi = make([]float32, heads+int64(extra&1))
			if len(c.ALiBi) > 0 {
				c.ALiBi[len(c.ALiBi)/2] = math.Float32frombits(static)
			}
		}
		if has(11) && heads >= 0 && heads < 1<<17 {
			c.SinkLogits = make([]float32, heads+int64(extra>>1&1))
		}
		if has(23) {
			c.Correction.Beta = Beta
		}
		mean := func(d, kv int64, cut uint8) []float32 {
			if kv < 0 || d < 0 || kv*d > 1<<16 || kv > 1<<16 || d > 1<<16 {
				return []float32{}
			}
			m := make([]float32, kv*d+int64(cut&1))
			if len(m) > 0 {
				m[len(m)-1] = math.Float32frombits(static)
			}
			return m
		}
		if has(25) {
			c.K.Mean = mean(dk, kvHeads, extra>>2)
		}
		if has(26) {
			c.V.Mean = mean(dv, kvHeads, extra>>3)
		}
		c.K.OwnCenter, c.V.OwnCenter = has(27), has(28)
		var opts []attention.Option
		if has(14) {
			opts = append(opts, attention.WithRunner(&runner{n: int(workers)}))
		}
		if has(15) {
			opts = append(opts, attention.WithTier(names[int(extra)%len(names)]))
		}
		if has(16) {
			opts = append(opts, attention.WithRequire(attention.Capability(extra%5)))
		}
		p, err := attention.NewPlan(c, opts...)
		if err != nil {
			var field *attention.FieldError
			if p != nil || !errors.As(err, &field) || !errors.Is(err, attention.ErrConfig) && !errors.Is(err, attention.ErrUnsupported) || field.Msg == "" {
				t.Fatalf("plan %v, error %v", p, err)
			}
			return
		}
		lay := p.Layout()
		if lay.PageBytes < 128 || lay.PageBytes%64 != 0 || lay.PageBytes > 1<<31-1 || lay.Tile != attention.Tile || lay.SinkPages < 0 || lay.SinkPages > c.KVHeads || (lay.SinkPages > 0) != (c.SinkTokens > 0) {
			t.Fatalf("layout %+v of %+v", lay, c)
		}
		plain := p.Config()
		plain.Certify = false
		if u, err := attention.NewPlan(plain, opts...); err != nil || u.Layout().PageBytes != lay.PageBytes || u.Layout().RecordBytes != 0 ||
			(lay.RecordBytes != 0) != p.Config().Certify || lay.RecordBytes%(24*lay.Tile) != 0 {
			t.Fatalf("layout %+v of %+v, without certificates %v", lay, c, err)
		}
		if n := p.MaxWorkspaceBytes(); n <= 0 || n%64 != 0 {
			t.Fatalf("workspace of %d bytes for %+v", n, c)
		}
		for _, m := range []attention.Codec{p.Config().K, p.Config().V} { // a copy, whoever writes to it
			for i := range m.Mean {
				m.Mean[i] = 77
			}
		}
		q, err := attention.NewPlan(p.Config(), opts...)
		if err != nil || q.Layout() != lay {
			t.Fatalf("Config of %+v does not make the same plan: %v", c, err)
		}
		if extra < 16 {
			if e := p.Explain(); e.Tier == "" || e.QK == "" || e.SM == "" || e.PV == "" || !(e.BitsK > 0) || !(e.BitsV > 0) || len(e.String()) < 20 {
				t.Fatalf("explanation %+v of %+v", e, c)
			}
		}
	})
}
