"""Attention of ONNX Runtime and PyTorch on the shapes given as JSON in argv[1].

Prints one JSON object per line: a measurement {"lib", "format", "shape", "threads",
"us": [...], "rel_l2"}, or {"lib", "skip": reason}. Progress goes to standard error.
"""
import importlib
import json
import sys
import time

JOB = json.loads(sys.argv[1])


def emit(**row):
    print(json.dumps(row), flush=True)


def load(lib, *modules):
    """Imports modules, or says what is missing."""
    try:
        return [importlib.import_module(m) for m in modules]
    except (ImportError, OSError) as e:  # OSError: a library of the package does not load
        emit(lib=lib, skip=f"not importable: {e}")
        return None


def inputs(np, s):
    """Standard normal queries [q][heads][d] and head-major keys and values [kv_heads][n][d]."""
    rng = np.random.default_rng(1)
    kv = (s["kv_heads"], s["n"], s["d"])
    return (rng.standard_normal((s["q"], s["heads"], s["d"]), dtype=np.float32),
            rng.standard_normal(kv, dtype=np.float32), rng.standard_normal(kv, dtype=np.float32))


def rel_l2(np, s, q, k, v, out):
    """Error of the last query row of some heads against float64; it sees every key."""
    err = ref = 0.0
    for h in range(0, s["heads"], max(1, s["heads"] // 8)):
        g = h // (s["heads"] // s["kv_heads"])
        logits = k[g].astype(np.float64) @ q[-1, h].astype(np.float64) / s["d"] ** 0.5
        p = np.exp(logits - logits.max())
        want = p @ v[g].astype(np.float64) / p.sum()
        err += ((out[-1, h].astype(np.float64) - want) ** 2).sum()
        ref += (want ** 2).sum()
    return float((err / ref) ** 0.5)


def run(lib, s, threads, cases, np, data):
    """Times the cases {format: (call, output)} round robin, some slices each."""
    samples = {f: [] for f in cases}
    for f in list(cases):
        try:
            cases[f][0]()
        except Exception as e:  # a library rejects a combination in its own way
            emit(lib=lib, skip=f"{s['op']} n={s['n']} {f}: {str(e).strip().splitlines()[0][:160]}")
            del cases[f]
    for _ in range(JOB["passes"]):
        for f, (call, _out) in cases.items():
            call()
            end = time.perf_counter() + JOB["slice_s"]
            while True:
                t0 = time.perf_counter()
                call()
                t1 = time.perf_counter()
                samples[f].append((t1 - t0) * 1e6)
                if t1 >= end:
                    break
    for f, (_call, out) in cases.items():
        emit(lib=lib, format=f, shape=s, threads=threads, us=samples[f],
             rel_l2=rel_l2(np, s, *data, out().reshape(s["q"], s["heads"], s["d"])))


# --- ONNX Runtime ---------------------------------------------------------------


def ort_model(onnx, s, fmt):
    """One GroupQueryAttention node for causal shapes, else the Attention operator."""
    h, tp = onnx.helper, onnx.TensorProto
    t = tp.FLOAT16 if fmt == "f16" else tp.FLOAT
    cache, width = {"int8": (tp.INT8, s["d"]), "int4": (tp.UINT8, s["d"] // 2)}.get(fmt, (t, s["d"]))

    def info(name, dtype, *dims):
        return h.make_tensor_value_info(name, dtype, list(dims))

    q_in = info("q", t, 1, s["q"], s["heads"] * s["d"])
    k_in, v_in = (info(x, t, 1, s["q"], s["kv_heads"] * s["d"]) for x in "kv")
    out = info("out", t, 1, s["q"], s["heads"] * s["d"])
    if not s["causal"]:
        node = h.make_node("Attention", ["q", "k", "v"], ["out"], q_num_heads=s["heads"], kv_num_heads=s["kv_heads"])
        graph = h.make_graph([node], "g", [q_in, k_in, v_in], [out])
        return h.make_model(graph, opset_imports=[h.make_opsetid("", 23)], ir_version=10)
    dims = (1, s["kv_heads"], s["n"], width)
    names = ["q", "k", "v", "past_k", "past_v", "seqlens", "total"]
    ins = [q_in, k_in, v_in, info("past_k", cache, *dims), info("past_v", cache, *dims),
           info("seqlens", tp.INT32, 1), info("total", tp.INT32, 1)]
    attrs = {}
    if fmt in ("int8", "int4"):
        names += ["", "", "", "", "", "k_scale", "v_scale"]
        ins += [info(x, tp.FLOAT, 1) for x in ("k_scale", "v_scale")]
        attrs = dict(k_quant_type="PER_TENSOR", v_quant_type="PER_TENSOR", kv_cache_bit_width=int(fmt[3:]))
    node = h.make_node("GroupQueryAttention", names, ["out", "new_k", "new_v"], domain="com.microsoft",
                       num_heads=s["heads"], kv_num_heads=s["kv_heads"], **attrs)
    graph = h.make_graph([node], "g", ins, [out, info("new_k", cache, *dims), info("new_v", cache, *dims)])
    return h.make_model(graph, opset_imports=[h.make_opsetid("", 21), h.make_opsetid("com.microsoft", 1)], ir_version=10)


def ort_cache(np, x, fmt):
    """The cache in a format, and its scale: the largest magnitude meets the largest code."""
    if fmt in ("f32", "f16"):
        return x.astype(np.float16 if fmt == "f16" else np.float32), None
    top = 127 if fmt == "int8" else 7
    scale = float(np.abs(x).max()) / top
    codes = np.clip(np.rint(x / scale), -top, top).astype(np.int8)
    if fmt == "int4":
        u = (codes + 8).astype(np.uint8)
        codes = u[..., 0::2] | (u[..., 1::2] << 4)
    return codes, np.array([scale], np.float32)


def ort_case(ort, onnx, np, s, fmt, threads, data):
    q, k, v = data
    opts = ort.SessionOptions()
    opts.intra_op_num_threads, opts.inter_op_num_threads = threads, 1
    sess = ort.InferenceSession(ort_model(onnx, s, fmt).SerializeToString(), opts, providers=["CPUExecutionProvider"])
    t = np.float16 if fmt == "f16" else np.float32
    bind = sess.io_binding()
    keep = []

    def put(name, array):
        value = ort.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(array))
        bind.bind_ortvalue_input(name, value)
        keep.append(value)
        return value

    def new_tokens(x):  # the last q tokens, token-major
        return x[:, s["n"] - s["q"]:].transpose(1, 0, 2).reshape(1, s["q"], -1).astype(t)

    put("q", q.reshape(1, s["q"], -1).astype(t))
    put("k", new_tokens(k))
    put("v", new_tokens(v))
    if s["causal"]:
        for name, x in (("k", k), ("v", v)):
            codes, scale = ort_cache(np, x, fmt)
            # Past and present are one buffer: the new tokens are written in place.
            bind.bind_ortvalue_output("new_" + name, put("past_" + name, codes[None]))
            if scale is not None:
                put(name + "_scale", scale)
        put("seqlens", np.array([s["n"] - 1], np.int32))
        put("total", np.array([s["n"]], np.int32))
    out = ort.OrtValue.ortvalue_from_numpy(np.zeros((1, s["q"], s["heads"] * s["d"]), t))
    bind.bind_ortvalue_output("out", out)
    return lambda: sess.run_with_iobinding(bind), lambda: (keep, out.numpy())[1]


def onnxruntime():
    mods = load("onnxruntime", "numpy", "onnx", "onnxruntime")
    if not mods:
        return
    np, onnx, ort = mods
    ort.set_default_logger_severity(4)
    lib = "onnxruntime " + ort.__version__
    for s in JOB["shapes"]:
        data = inputs(np, s)
        for threads in JOB["threads"]:
            print("onnxruntime", s, threads, file=sys.stderr, flush=True)
            cases = {}
            for fmt in ("f32", "f16", "int8", "int4") if s["causal"] else ("f32",):
                try:
                    cases[fmt] = ort_case(ort, onnx, np, s, fmt, threads, data)
                except Exception as e:
                    emit(lib=lib, skip=f"{s['op']} n={s['n']} {fmt}: {str(e).strip().splitlines()[0][:160]}")
            run(lib, s, threads, cases, np, data)


# --- PyTorch --------------------------------------------------------------------


def torch_case(torch, s, fmt, data):
    dtype = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}[fmt]
    q, k, v = (torch.from_numpy(x).to(dtype).unsqueeze(0) for x in (data[0].transpose(1, 0, 2).copy(), data[1], data[2]))
    out = []

    def call():
        with torch.inference_mode():
            out[:] = [torch.nn.functional.scaled_dot_product_attention(
                q, k, v, is_causal=s["causal"] and s["q"] > 1, enable_gqa=s["heads"] != s["kv_heads"])]

    return call, lambda: out[0][0].float().numpy().transpose(1, 0, 2)


def pytorch():
    mods = load("torch", "numpy", "torch")
    if not mods:
        return
    np, torch = mods
    for s in JOB["shapes"]:
        data = inputs(np, s)
        for threads in JOB["threads"]:
            print("torch", s, threads, file=sys.stderr, flush=True)
            torch.set_num_threads(threads)
            cases = {fmt: torch_case(torch, s, fmt, data) for fmt in ("f32", "bf16", "f16")}
            run("torch " + torch.__version__, s, threads, cases, np, data)


onnxruntime()
pytorch()
