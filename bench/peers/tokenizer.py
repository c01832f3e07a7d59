"""The peer of bench/Tokenizer: BERT's uncased tokenizer (Devlin et al. 2019) in plain Python.

    python3 tokenizer.py vocab.txt < texts.txt

One text a line in, its ids (at most 512, special tokens included) a line out; the last line is the seconds of
tokenizing alone. Special tokens that stand in the text are not looked for.
"""

import sys
import time
import unicodedata

MAX_LENGTH = 512
MAX_CHARS_PER_WORD = 100
IDEOGRAPHS = [
    (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F), (0x2B920, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F),
]


def normalize(text):
    out = []
    for c in text:
        if c in "\t\n\r" or c.isspace() and unicodedata.category(c) != "Cc":
            out.append(" ")
        elif c == "\ufffd" or unicodedata.category(c) in ("Cc", "Cf", "Co"):
            continue
        elif any(first <= ord(c) <= last for first, last in IDEOGRAPHS):
            out.append(f" {c} ")
        else:
            out.append(c)
    marks_apart = unicodedata.normalize("NFD", "".join(out))
    return "".join(c.lower() for c in marks_apart if unicodedata.category(c) != "Mn")


def is_punctuation(c):
    return c in "$+<=>^`|~" or unicodedata.category(c).startswith("P")


def words(text):
    return "".join(f" {c} " if is_punctuation(c) else c for c in text).split()


def pieces(vocabulary, word):
    if len(word) > MAX_CHARS_PER_WORD:
        return [vocabulary["[UNK]"]]
    ids, start = [], 0
    while start < len(word):
        for end in range(len(word), start, -1):
            piece = ("##" if start else "") + word[start:end]
            if piece in vocabulary:
                ids.append(vocabulary[piece])
                start = end
                break
        else:
            return [vocabulary["[UNK]"]]
    return ids


def encode(vocabulary, text):
    ids = [i for word in words(normalize(text)) for i in pieces(vocabulary, word)]
    return [vocabulary["[CLS]"]] + ids[: MAX_LENGTH - 2] + [vocabulary["[SEP]"]]


def main():
    with open(sys.argv[1], encoding="utf-8", newline="\n") as file:
        vocabulary = {line.rstrip("\n"): i for i, line in enumerate(file)}
    texts = [line.rstrip("\n") for line in open(0, encoding="utf-8", newline="\n")]
    start = time.perf_counter()
    encoded = [encode(vocabulary, text) for text in texts]
    seconds = time.perf_counter() - start
    for ids in encoded:
        print(*ids)
    print(seconds)


main()
