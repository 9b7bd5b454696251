package asm

import (
	"slices"
	"testing"
)

// FuzzKernel holds every row of the table to its contract on shapes and data of the
// fuzzer's choice. data becomes the operands, seed continues where it ends.
func FuzzKernel(f *testing.F) {
	var names []string
	for name := range drivers {
		names = append(names, name)
	}
	slices.Sort(names)
	for i := range names {
		f.Add(uint8(i), uint8(3), uint8(17), uint16(33), uint8(i), uint8(5), uint64(i), []byte{0, 1, 127, 128, 129, 255})
		f.Add(uint8(i), uint8(0), uint8(63), uint16(64), uint8(special), uint8(0), uint64(i), []byte(nil))
	}
	f.Fuzz(func(t *testing.T, which, m, n uint8, d uint16, k, place uint8, seed uint64, data []byte) {
		name := names[int(which)%len(names)]
		g := newGen(seed, kind(k)%numKinds)
		g.raw = data
		dim := 1 + int(d)%300
		drive := drivers[name]
		if drive.uses == "p" {
			dim = 1 << (d % 11)
		}
		tr := drive.trial(g, 1+int(m)%17, 1+int(n)%Tile, dim)
		w := <-benches
		defer func() { benches <- w }()
		p := placement{end: place&1 == 0, off: int(place>>1) % 64}
		w.run(tr, p, family(name), func(e Entry, msg string) { t.Errorf("%s: %s", e.Name, msg) })
	})
}

// benches holds the workbench of the fuzz target.
var benches = func() chan *workbench {
	c := make(chan *workbench, 1)
	c <- newWorkbench()
	return c
}()
