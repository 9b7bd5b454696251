#!/usr/bin/env python3
"""Turn the King James Version shipped by Debian into training text and a tokenizer.

    apt-get install bible-kjv        # the package with the public-domain text
    python3 prepare.py --out /tmp/kjv

Writes to --out:
    train.txt, valid.txt   one chapter per document, documents separated by an empty line
    tokenizer.bin          byte-pair vocabulary in the llama2.c tokenizer format
    train.npy, valid.npy   token ids (uint16), every document preceded by BOS

Every 40th chapter, counted over the whole book, is held out. The tokenizer is
trained on the training part only.
"""
import argparse
import collections
import re
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np

VOCAB = 1024
BYTE0 = 3  # ids 0 <unk>, 1 BOS, 2 EOS, then the 256 byte tokens, then pieces


def chapters():
    """Chapters of the book as lists of verses, in order."""
    out = subprocess.run(["bible", "-f"], input="gen1:1-rev22:21\n", text=True,
                         capture_output=True, check=True).stdout
    docs = {}
    for line in out.splitlines():
        m = re.match(r"(?:bible\(KJV\) \[[^]]*\]> )?([0-9A-Za-z]+?)(\d+):(\d+) (.*)$", line)
        if m:
            text = re.sub(r"[\[\]]", "", m[4]).strip()  # brackets mark words the translators supplied
            docs.setdefault((m[1], int(m[2])), {})[int(m[3])] = text  # by number: the program greets with Genesis 1:1
    return [list(verses.values()) for verses in docs.values()]


def words(text):
    """Pieces inside which byte pairs may merge: a word with its leading space, a number, punctuation, a newline."""
    return re.findall(r" ?[A-Za-z]+(?:'[a-z]+)?| ?[0-9]+|\n| ?[^\sA-Za-z0-9]+| ", text)


def train_bpe(text, n_merges, symbols):
    counts = collections.Counter(words(text))
    seqs = {w: tuple(w) for w in counts}
    pieces = []
    known = set(symbols)
    pairs = collections.Counter()
    where = collections.defaultdict(set)
    for w, c in counts.items():
        s = seqs[w]
        for p in zip(s, s[1:]):
            pairs[p] += c
            where[p].add(w)
    while len(pieces) < n_merges:
        (a, b), n = max(pairs.items(), key=lambda kv: (kv[1], kv[0]))
        merged = a + b
        if n <= 0:
            break
        if merged not in known:
            pieces.append(merged)
            known.add(merged)
        for w in list(where[(a, b)]):
            c, s = counts[w], seqs[w]
            for p in zip(s, s[1:]):
                pairs[p] -= c
            t, i = [], 0
            while i < len(s):
                if i + 1 < len(s) and s[i] == a and s[i + 1] == b:
                    t.append(merged)
                    i += 2
                else:
                    t.append(s[i])
                    i += 1
            seqs[w] = tuple(t)
            for p in zip(t, t[1:]):
                pairs[p] += c
                where[p].add(w)
        pairs.pop((a, b), None)
    return pieces


class Tokenizer:
    def __init__(self, pieces, scores):
        self.pieces, self.scores = pieces, scores
        self.index = {p: i for i, p in enumerate(pieces) if i >= BYTE0 + 256}
        self.cache = {}

    def encode_word(self, w):
        if w in self.cache:
            return self.cache[w]
        ids = []
        for ch in w:
            if ch in self.index:
                ids.append(self.index[ch])
            else:
                ids.extend(BYTE0 + b for b in ch.encode())
        while True:
            best = None
            for i in range(len(ids) - 1):
                k = self.index.get(self.pieces[ids[i]] + self.pieces[ids[i + 1]])
                if k is not None and (best is None or self.scores[k] > best[0]):
                    best = (self.scores[k], i, k)
            if best is None:
                break
            ids[best[1]:best[1] + 2] = [best[2]]
        self.cache[w] = ids
        return ids

    def encode(self, text):
        out = []
        for w in words(text):
            out.extend(self.encode_word(w))
        return out


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--out", default="/tmp/kjv")
    args = ap.parse_args()
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)

    docs = ["\n".join(v) for v in chapters()]
    train = [d for i, d in enumerate(docs) if i % 40 != 39]
    valid = [d for i, d in enumerate(docs) if i % 40 == 39]
    print(f"{len(docs)} chapters, {len(train)} for training, {len(valid)} held out", file=sys.stderr)
    (out / "train.txt").write_text("\n\n".join(train))
    (out / "valid.txt").write_text("\n\n".join(valid))

    text = "\n".join(train)
    symbols = sorted(set(text))
    n = VOCAB - BYTE0 - 256 - len(symbols)
    merged = train_bpe(text, n, symbols)
    pieces = ["<unk>", "\n<s>\n", "\n</s>\n"] + [f"<0x{b:02X}>" for b in range(256)] + symbols + merged
    scores = [0.0] * (BYTE0 + 256) + [-1e4] * len(symbols) + [-float(i) for i in range(len(merged))]
    assert len(pieces) == VOCAB
    with open(out / "tokenizer.bin", "wb") as f:
        raw = [p.encode() for p in pieces]
        f.write(struct.pack("<i", max(map(len, raw))))
        for r, s in zip(raw, scores):
            f.write(struct.pack("<fi", s, len(r)) + r)

    tok = Tokenizer(pieces, scores)
    for name, part in (("train", train), ("valid", valid)):
        ids = []
        for d in part:
            ids.append(1)
            ids.extend(tok.encode(" " + d))
        a = np.array(ids, dtype=np.uint16)
        np.save(out / f"{name}.npy", a)
        print(f"{name}: {sum(map(len, part))} characters, {len(a)} tokens", file=sys.stderr)


if __name__ == "__main__":
    main()
