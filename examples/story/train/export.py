#!/usr/bin/env python3
"""Pack a trained model into the files the story program carries.

    python3 export.py --data /tmp/kjv --out ../kjv

Writes weights.bin, tokenizer.bin and heldout.txt. The format of weights.bin, all
little endian (llama/packed.go reads it):

    magic    "QLM1", version included
    7 int32  dim, hidden_dim, n_layers, n_heads, n_kv_heads, vocab_size, seq_len
    matrices embedding, then per layer wq wk wv wo w1 w2 w3:
             one float32 scale per row, then the rows as int8
    float32  attention norms, feed-forward norms, final norm

A row is quantized symmetrically: scale = max|w| / 127, code = w / scale rounded to
the nearest integer, ties to even; a row of zeros has scale 0.
"""
import argparse
import json
import shutil
import struct
from pathlib import Path

import numpy as np


def pack(w):
    """A matrix as bytes."""
    w = np.asarray(w, np.float32)
    top = np.abs(w).max(1)
    scale = (top / 127).astype("<f4")
    inverse = np.divide(1, scale, out=np.zeros_like(scale), where=scale > 0)
    codes = np.clip(np.rint(w * inverse[:, None]), -127, 127).astype(np.int8)
    error = np.abs(codes * scale[:, None] - w).max(1) / np.where(top > 0, top, 1)
    assert error.max() <= 0.51 / 127, error.max()
    return scale.tobytes() + codes.tobytes()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--data", default="/tmp/kjv")
    ap.add_argument("--out", default="../kjv")
    args = ap.parse_args()
    data, out = Path(args.data), Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    cfg = json.loads((data / "log.json").read_text())["cfg"]
    npz = np.load(data / "model.npz")

    blob = [b"QLM1", struct.pack("<7i", *(cfg[k] for k in ("dim", "hidden", "layers", "heads", "kv_heads", "vocab", "context")))]
    blob.append(pack(npz["emb"]))
    for layer in range(cfg["layers"]):
        blob.extend(pack(npz[name][layer]) for name in ("wq", "wk", "wv", "wo", "w1", "w2", "w3"))
    blob.extend(npz[name].astype("<f4").tobytes() for name in ("att", "ffn", "final"))
    weights = b"".join(blob)
    (out / "weights.bin").write_bytes(weights)
    shutil.copyfile(data / "tokenizer.bin", out / "tokenizer.bin")
    shutil.copyfile(data / "valid.txt", out / "heldout.txt")
    print(f"weights.bin: {len(weights)} bytes")


if __name__ == "__main__":
    main()
