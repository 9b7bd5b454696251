#!/usr/bin/env python3
"""Train the story model: a Llama-style language model small enough to commit.

    pip install jax numpy
    python3 prepare.py --out /tmp/kjv
    python3 train.py --data /tmp/kjv --steps 1600
    python3 export.py --data /tmp/kjv --out ../kjv

RMSNorm, interleaved RoPE, grouped-query attention, SwiGLU, tied embedding: the
llama2.c architecture. Matrices are trained with Muon (orthogonalised momentum),
embeddings and norms with Adam; the rate is constant, then falls linearly to 0
over the last half. A checkpoint is written every 100 steps.
"""
import argparse
import json
import time
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

CFG = dict(dim=256, hidden=320, layers=4, heads=4, kv_heads=2, vocab=1024, context=512)
HEAD = CFG["dim"] // CFG["heads"]


def init(seed):
    d, h, L, V = CFG["dim"], CFG["hidden"], CFG["layers"], CFG["vocab"]
    kv = CFG["kv_heads"] * HEAD
    key = iter(jax.random.split(jax.random.PRNGKey(seed), 16))
    mat = lambda *s: jax.random.normal(next(key), s, jnp.float32) * s[-1] ** -0.5
    return dict(
        emb=jax.random.normal(next(key), (V, d)) * 0.02,
        mats=dict(wq=mat(L, d, d), wk=mat(L, kv, d), wv=mat(L, kv, d), wo=mat(L, d, d) * 0.1,
                  w1=mat(L, h, d), w2=mat(L, d, h) * 0.1, w3=mat(L, h, d)),
        norms=dict(att=jnp.ones((L, d)), ffn=jnp.ones((L, d)), final=jnp.ones((d,))))


def rms(x, g):
    return x * jax.lax.rsqrt(jnp.mean(x * x, -1, keepdims=True) + 1e-5) * g


def rope(x):  # [batch, time, head, HEAD], pairs (2i, 2i+1)
    t = jnp.arange(x.shape[1])[:, None] * 10000.0 ** (-jnp.arange(0, HEAD, 2) / HEAD)
    c, s = jnp.cos(t)[None, :, None], jnp.sin(t)[None, :, None]
    a, b = x[..., 0::2], x[..., 1::2]
    return jnp.stack([a * c - b * s, a * s + b * c], -1).reshape(x.shape)


def forward(p, tokens):
    B, T = tokens.shape
    x = p["emb"][tokens]
    causal = jnp.tril(jnp.ones((T, T), bool))

    def layer(x, w):
        y = rms(x, w["att"])
        q = rope((y @ w["wq"].T).reshape(B, T, CFG["heads"], HEAD))
        k = rope((y @ w["wk"].T).reshape(B, T, CFG["kv_heads"], HEAD))
        v = (y @ w["wv"].T).reshape(B, T, CFG["kv_heads"], HEAD)
        g = CFG["heads"] // CFG["kv_heads"]
        q = q.reshape(B, T, CFG["kv_heads"], g, HEAD)
        s = jnp.einsum("bqhgd,bkhd->bhgqk", q, k) * HEAD ** -0.5
        a = jax.nn.softmax(jnp.where(causal, s, -1e30), -1)
        o = jnp.einsum("bhgqk,bkhd->bqhgd", a, v).reshape(B, T, -1)
        x = x + o @ w["wo"].T
        y = rms(x, w["ffn"])
        return x + (jax.nn.silu(y @ w["w1"].T) * (y @ w["w3"].T)) @ w["w2"].T, None

    x, _ = jax.lax.scan(layer, x, dict(p["mats"], att=p["norms"]["att"], ffn=p["norms"]["ffn"]))
    return rms(x, p["norms"]["final"]) @ p["emb"].T


def loss_fn(p, batch):
    logits = forward(p, batch[:, :-1])
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), batch[:, 1:, None], -1))


def orthogonalise(g):  # Newton-Schulz iteration towards the nearest orthogonal matrix, batched over layers
    tall = g.shape[-2] > g.shape[-1]
    x = jnp.swapaxes(g, -1, -2) if tall else g
    x = x / (jnp.linalg.norm(x, axis=(-2, -1), keepdims=True) + 1e-7)
    for _ in range(5):
        a = x @ jnp.swapaxes(x, -1, -2)
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return jnp.swapaxes(x, -1, -2) if tall else x


@partial(jax.jit, donate_argnums=(0, 1))
def step(p, opt, batch, frac):
    loss, g = jax.value_and_grad(loss_fn)(p, batch)
    n = opt["n"] + 1
    mom = jax.tree.map(lambda m, d: 0.95 * m + d, opt["mom"], g["mats"])
    upd = jax.tree.map(lambda m, d: orthogonalise(d + 0.95 * m), mom, g["mats"])
    lr = 0.02 * frac
    mats = jax.tree.map(
        lambda w, u: w * (1 - lr * 0.1) - lr * max(1, u.shape[-2] / u.shape[-1]) ** 0.5 * u, p["mats"], upd)
    rest = dict(emb=p["emb"], norms=p["norms"])
    grad = dict(emb=g["emb"], norms=g["norms"])
    m1 = jax.tree.map(lambda m, d: 0.9 * m + 0.1 * d, opt["m1"], grad)
    m2 = jax.tree.map(lambda m, d: 0.99 * m + 0.01 * d * d, opt["m2"], grad)
    rest = jax.tree.map(
        lambda w, a, b: w - 0.004 * frac * (a / (1 - 0.9 ** n)) / (jnp.sqrt(b / (1 - 0.99 ** n)) + 1e-8), rest, m1, m2)
    return dict(rest, mats=mats), dict(n=n, mom=mom, m1=m1, m2=m2), loss


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--data", default="/tmp/kjv")
    ap.add_argument("--steps", type=int, default=1600)
    ap.add_argument("--batch", type=int, default=8)
    ap.add_argument("--seed", type=int, default=1)
    args = ap.parse_args()
    data = Path(args.data)
    train, valid = np.load(data / "train.npy").astype(np.int32), np.load(data / "valid.npy").astype(np.int32)
    T = CFG["context"]
    vb = np.stack([valid[i:i + T + 1] for i in range(0, len(valid) - T - 1, T)])
    evaluate = jax.jit(loss_fn)

    p = init(args.seed)
    rest = dict(emb=p["emb"], norms=p["norms"])
    zeros = lambda t: jax.tree.map(jnp.zeros_like, t)
    opt = dict(n=jnp.zeros((), jnp.int32), mom=zeros(p["mats"]), m1=zeros(rest), m2=zeros(rest))
    rng = np.random.default_rng(args.seed)
    starts = np.flatnonzero(train == 1)
    log, t0 = [], time.time()
    for i in range(args.steps):
        # a quarter of the windows begin at a chapter, so that the model knows a fresh start
        at = rng.integers(0, len(train) - T - 1, args.batch)
        head = rng.random(args.batch) < 0.25
        at = np.where(head, rng.choice(starts[starts < len(train) - T - 1], args.batch), at)
        batch = np.stack([train[a:a + T + 1] for a in at])
        frac = min(1.0, (i + 1) / 20) * min(1.0, 2 * (1 - i / args.steps))
        p, opt, loss = step(p, opt, batch, frac)
        if i % 20 == 0:
            print(f"step {i}/{args.steps} loss {float(loss):.4f} {args.batch * T * (i + 1) / (time.time() - t0):.0f} tokens/s", flush=True)
        if (i + 1) % 100 == 0 or i + 1 == args.steps:
            v = float(np.mean([evaluate(p, vb[j:j + 8]) for j in range(0, len(vb) - 7, 8)]))
            log.append(dict(step=i + 1, valid=v, minutes=round((time.time() - t0) / 60, 1)))
            print(f"step {i + 1} valid {v:.4f}", flush=True)
            flat = dict(emb=p["emb"], **p["mats"], **p["norms"])
            np.savez(data / "model.npz", **{k: np.asarray(a) for k, a in flat.items()})
            (data / "log.json").write_text(json.dumps(dict(cfg=CFG, args=vars(args), log=log), indent=1))


if __name__ == "__main__":
    main()
