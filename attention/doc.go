// Package attention computes softmax(QKᵀ)V over keys and values held in narrow
// number formats, in one pass over the stored bytes, without forming the score
// matrix and without allocating.
//
// # Life of a call
//
//	plan, err := attention.NewPlan(cfg)           // validate, choose kernels, fix the page layout
//	plan.Append(pages, table, pos, n, k, v)       // quantize tokens into pages, final
//	plan.Reschedule(&sched, &batch)               // once per step: ragged batch -> units of work
//	plan.Run(ctx, &sched, pages, &io)             // per layer: units -> outputs and LSE
//	attention.Merge(outA, lseA, outB, lseB, dv)   // join results over disjoint keys
//
// Cache wraps this for one sequence, Dense for one call on float slices.
//
// # Shapes
//
// Queries are [row][QHeads][DK], keys [token][KVHeads][DK], values
// [token][KVHeads][DV], outputs [row][QHeads][DV], with strides where Rows says so.
// Query head h reads KV head h/(QHeads/KVHeads). Lengths are in tokens, sizes in
// bytes, LSE is the natural logarithm.
//
// # Numbers
//
// With key k, value v and query q of a row, in this order:
//
//	s = Scale·q·k;  s = Softcap·tanh(s/Softcap);  s −= ALiBi·|p−j|;  s += Bias;  masks
//	out = Σ exp(s)·v / (Σ exp(s) + exp(SinkLogit)),  LSE = log of the denominator
//
// Softmax runs online (Milakov & Gimelshein 2018, arXiv 1805.02867) in base 2, in
// float32, tile by tile as in FlashAttention (Dao et al. 2022, arXiv 2205.14135). In
// float32 arithmetic (QF32, PF32) an output element is within
//
//	4·2⁻²⁴·A·(4+S),  A = Σ p·|v|,  S = max |Scale|·Σ|q·k|
//
// of exact attention over the stored values, as long as 64·max|v| and the
// unnormalised sum Σ 2^(y−max)·v stay below the largest float32, and unless the
// products q·k of a score all agree in sign: their roundings then add up, to at most
// 2·(DK+24)·2⁻²⁴·A·S.
//
// QInt8 rounds each query row to int8 (one scale per row), PU8 rounds the weights of a
// tile to multiples of 1/255 of the tile's largest weight times value scale. Both sum
// exactly in int32. They read NF4 with scales by block as rounded int8 codes: see quant.NF4.
//
// QBF16 rounds queries, and PBF16 weights, to bfloat16: a relative 2⁻⁹ each. They are the
// automatic modes over FP8, where a weight is rounded with its token's scale folded in. On
// CPUs that multiply bfloat16 subnormal numbers count as zeros: FP8 values below 2⁻¹⁰⁸ may be
// lost. FP8 scores may overflow when a query has elements beyond 2¹⁰⁰.
//
// # Codecs
//
// A Codec is a format and what is done to rows before it: Rotate (orthonormal Hadamard
// transform, undone on queries and outputs), Center (the mean of the previous tile, or
// with OwnCenter of the tile itself, is stored apart), Mean (a calibrated mean per head is).
// SinkTokens keeps the first tokens in binary16. K8V8, K8V4 and K4V4 are presets; the
// README has their errors.
//
// # Quantized probabilities
//
// Config.P chooses what a weight exp(s) is in the sum of values: see PMode. Modes that
// round normalised probabilities lose mass on flat rows; Config.Correction gives it back,
// see Correction. Plan.ObserveProbabilities feeds the calibrators of package calib.
//
// # Certificates
//
// With Config.Certify, IO.ErrEst and IO.ErrBound receive an estimate and a rigorous bound
// of what quantization did to each output row. Certified plans store twelve bytes more per
// token, head and side, in memory beside the pages: Pages.Records.
//
// # Reproducibility
//
// A row's bits depend on its query, its position and the tokens it sees: not on other
// rows, the batch, page ids, chunking of appends, or the number of workers. Decoding
// token t gives the bits of row t of a prefill. Splits of long sequences have
// boundaries at fixed token indices and merge in index order.
//
// # Limits of trust
//
// Bad arguments give a *FieldError and write nothing. Bytes of pages beyond the
// stored tokens are never used. Data, even a damaged cache, never causes a panic; the
// bits computed from bytes no encoder writes may differ between tiers. Layout.ID is
// compared by LoadKV only: handing one plan's pages to a plan of another layout is not
// detected elsewhere.
//
// # Observing
//
// Plan.Explain names the kernels, which are separate symbols in profiles; WithLabels
// adds pprof labels; QATTN_CPU (read once at start, an unknown name ends the process)
// and WithTier force a CPU tier. Under the race detector the pure-Go kernels run.
package attention
