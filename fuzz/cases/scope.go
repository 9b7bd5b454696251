package cases

// Reasons shared by several entries of OutOfScope.
const (
	noSoftmax   = "recurrent linear attention has no softmax over stored keys"
	noType      = "no stored format uses this type"
	noZeroPoint = "affine quantization with scales given by the caller; the stored formats are symmetric and choose their scales"
	noMatMul    = "a general quantized matrix product; the library only multiplies inside attention"
	noScatter   = "writes into a contiguous cache of the caller; the library appends to its own pages"
)

// OutOfScope lists the ONNX cases that the library does not answer, by name, with the reason. A test that meets a case which it neither checks nor
// finds here must fail.
var OutOfScope = map[string]string{
	"test_flexattention_double":   "float64 tensors: the library takes float32; the oracle is checked on them directly",
	"test_flexattention_prob_mod": "a function applied to the probabilities after softmax is not part of the contract",

	"test_linear_attention_decode_step":       noSoftmax,
	"test_linear_attention_delta":             noSoftmax,
	"test_linear_attention_explicit_scale":    noSoftmax,
	"test_linear_attention_fp16":              noSoftmax,
	"test_linear_attention_gated_delta":       noSoftmax,
	"test_linear_attention_linear":            noSoftmax,
	"test_linear_attention_linear_t1_no_past": noSoftmax,
	"test_linear_attention_prefill_with_past": noSoftmax,

	"test_cast_FLOAT16_to_INT4":               noType + ": int4 is stored with scales only",
	"test_cast_FLOAT16_to_UINT2":              noType,
	"test_cast_FLOAT_to_FLOAT4E2M1":           noType,
	"test_cast_FLOAT_to_INT2":                 noType,
	"test_cast_FLOAT_to_UINT4":                noType,
	"test_cast_e8m0_FLOAT_to_FLOAT8E8M0":      noType,
	"test_quantizelinear_float4e2m1":          noType,
	"test_dequantizelinear":                   noZeroPoint,
	"test_dequantizelinear_axis":              noZeroPoint,
	"test_dequantizelinear_blocked":           noZeroPoint,
	"test_dequantizelinear_int2":              noZeroPoint,
	"test_dequantizelinear_uint2":             noZeroPoint,
	"test_dequantizelinear_uint4":             noZeroPoint,
	"test_dynamicquantizelinear":              noZeroPoint,
	"test_dynamicquantizelinear_min_adjusted": noZeroPoint,
	"test_quantizelinear_axis":                noZeroPoint,
	"test_quantizelinear_blocked_symmetric":   noZeroPoint,
	"test_quantizelinear_int16":               noZeroPoint,
	"test_quantizelinear_int4":                noZeroPoint,
	"test_quantizelinear_uint16":              noZeroPoint,

	"test_matmulinteger":                  noMatMul,
	"test_qlinearmatmul_2D_int8_float16":  noMatMul,
	"test_qlinearmatmul_2D_uint8_float32": noMatMul,
	"test_qlinearmatmul_3D_int8_float16":  noMatMul,
	"test_qlinearmatmul_3D_uint8_float32": noMatMul,
	"test_tensorscatter":                  noScatter,
	"test_tensorscatter_3d":               noScatter,
}
