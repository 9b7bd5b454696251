package asm

import (
	"fmt"
	"reflect"
)

// Entry is one row of the kernel table. Name is the Go symbol, as profiles show it.
type Entry struct {
	Name  string
	Needs Tier // every bit must be available
	Exact bool // bit-identical to the generic kernel of the same family
	Func  any  // one of the contract types
}

// Available reports whether the kernel may run on tier t.
func (e Entry) Available(t Tier) bool { return e.Needs&^t == 0 }

// Family is the name of the contract the kernel fulfils, such as "QKI8".
func (e Entry) Family() string {
	name := reflect.TypeOf(e.Func).Name()
	return name[:len(name)-len("Func")]
}

// All lists every kernel compiled into this binary, slow before fast within a family.
func All() []Entry { return append(generic[:len(generic):len(generic)], arch...) }

// Set holds the chosen kernel of every family. It is immutable once built. Some families
// are parts of another, QKI8 and ScaleI8 of QKScaleI8: their kernels make it up where no
// assembly does both, and its specification everywhere.
type Set struct {
	Tier Tier

	Fetch              FetchFunc
	QKI8               QKI8Func
	QKI4               QKI4Func
	QKF32              QKF32Func
	QKF16              QKF16Func
	QKBF16             QKBF16Func
	QKPairBF16         QKPairBF16Func
	QKPairFP8          QKPairFP8Func
	DotF32             DotF32Func
	ScaleI8            ScaleI8Func
	QKScaleI8          QKScaleI8Func
	QKScaleI4          QKScaleI4Func
	QKScaleN4          QKScaleN4Func
	ScaleF32           ScaleF32Func
	SoftmaxF32         SoftmaxF32Func
	SoftmaxU8          SoftmaxU8Func
	SoftmaxU16         SoftmaxU16Func
	SoftmaxLogF32      SoftmaxLogF32Func
	SoftmaxLogU8       SoftmaxLogU8Func
	PVU8I8             PVU8I8Func
	PVF32              PVF32Func
	PVF16              PVF16Func
	PVBF16             PVBF16Func
	PVPairBF16         PVPairBF16Func
	PVPairFP8          PVPairFP8Func
	Advance            AdvanceFunc
	AdvanceU8          AdvanceU8Func
	QKAdvanceI8        QKAdvanceI8Func
	QKAdvanceI4        QKAdvanceI4Func
	QKAdvanceN4        QKAdvanceN4Func
	QKAdvanceLogI8     QKAdvanceLogI8Func
	QKAdvanceCertifyI8 QKAdvanceCertifyI8Func
	AdvanceBF16        AdvanceBF16Func
	AdvanceLogU8       AdvanceLogU8Func
	Certify            CertifyFunc
	AdvanceCertifyU8   AdvanceCertifyU8Func
	FoldI8             FoldI8Func
	PVFoldI8           PVFoldI8Func
	PVFoldI4           PVFoldI4Func
	PVFoldN4           PVFoldN4Func
	PVFoldB4           PVFoldB4Func
	FoldF32            FoldF32Func
	FinishF32          FinishF32Func
	Exp2F32            Exp2F32Func
	RoundBF16          RoundBF16Func
	PackBF16           PackBF16Func
	SumSquares         SumSquaresFunc
	AbsMax             AbsMaxFunc
	EncI8              EncI8Func
	EncErrI8           EncErrI8Func
	EncI8K             EncI8KFunc
	EncI8V             EncI8VFunc
	EncI4K             EncI4KFunc
	EncI4V             EncI4VFunc
	EncN4K             EncN4KFunc
	EncN4V             EncN4VFunc
	EncF16             EncF16Func
	EncBF16K           EncBF16KFunc
	EncBF16V           EncBF16VFunc
	EncE4M3            EncE4M3Func
	EncE5M2            EncE5M2Func
	Enc4K              Enc4KFunc
	Enc4V              Enc4VFunc
	Hadamard           HadamardFunc
	DecI8K             DecI8KFunc
	DecI8V             DecI8VFunc
	DecE4M3K           DecE4M3KFunc
	DecE4M3V           DecE4M3VFunc
	DecE5M2K           DecE5M2KFunc
	DecE5M2V           DecE5M2VFunc
	Dec16              Dec16Func
	DecBF16K           DecBF16KFunc
	DecBF16V           DecBF16VFunc
	ExpI4K             ExpI4KFunc
	ExpI4V             ExpI4VFunc
	ExpN4K             ExpN4KFunc
	ExpN4V             ExpN4VFunc
	SplitScales        SplitScalesFunc
	ExpB4K             ExpB4KFunc
	ExpB4V             ExpB4VFunc
	Dec4K              Dec4KFunc
	Dec4V              Dec4VFunc

	names map[string]string // family -> kernel name
}

// Used returns the features that the kernels chosen for the given families need.
func (s *Set) Used(families ...string) Tier {
	var t Tier
	for _, e := range All() {
		for _, f := range families {
			if s.names[f] == e.Name {
				t |= e.Needs
			}
		}
	}
	return t
}

// MultipliesBF16 reports whether the QKPair and PVPair kernels are faster than those that
// multiply float32: whether the CPU multiplies bfloat16.
func (s *Set) MultipliesBF16() bool { return s.Used("QKPairBF16")&BF16 != 0 }

// Name returns the symbol of the kernel chosen for a family ("QKI8"), or "".
func (s *Set) Name(family string) string { return s.names[family] }

// Select returns the best kernels among those tier allows and this process may
// use. The last available row of a family wins.
func Select(tier Tier) *Set {
	s := &Set{Tier: tier & have, names: map[string]string{}}
	fields := reflect.ValueOf(s).Elem()
	for _, e := range All() {
		if !e.Available(s.Tier) {
			continue
		}
		want := reflect.TypeOf(e.Func)
		found := false
		for i := range fields.NumField() {
			if fields.Field(i).Type() == want {
				fields.Field(i).Set(reflect.ValueOf(e.Func))
				s.names[e.Family()] = e.Name
				found = true
			}
		}
		if !found {
			panic(fmt.Sprintf("asm: kernel %s has no field of type %v in Set", e.Name, want))
		}
	}
	return s
}
