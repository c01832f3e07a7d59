"""Writes canonical-decomposition.txt from the Unicode Character Database that this Python carries.

    python3 canonical-decomposition.py > canonical-decomposition.txt

One fact a line: "class N: first..last" for combining classes, "CODE: parts" for full canonical decompositions; code
points in hexadecimal. Hangul syllables are left out: their decomposition is arithmetic (Unicode, section 3.12).
"""

import itertools
import unicodedata

CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]

print(f"# Unicode {unicodedata.unidata_version}, made by canonical-decomposition.py")

combining = [c for c in CODE_POINTS if unicodedata.combining(chr(c))]
runs = itertools.groupby(enumerate(combining), lambda pair: (pair[1] - pair[0], unicodedata.combining(chr(pair[1]))))
for (_, combining_class), run in runs:
    members = [c for _, c in run]
    print(f"class {combining_class}: {members[0]:X}..{members[-1]:X}")

for c in CODE_POINTS:
    parts = unicodedata.normalize("NFD", chr(c))
    if parts != chr(c) and not 0xAC00 <= c < 0xD7A4:
        print(f"{c:X}: " + " ".join(f"{ord(p):X}" for p in parts))
