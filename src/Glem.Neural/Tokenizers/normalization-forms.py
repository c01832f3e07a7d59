"""Writes normalization-forms.txt from the Unicode Character Database that this Python carries.

    python3 normalization-forms.py > normalization-forms.txt

One fact a line: "compatible CODE: parts" for full compatibility decompositions where they are not the canonical ones,
"CODE: first second" for the characters that composition makes. Code points in hexadecimal. Hangul syllables are left
out: they are arithmetic (Unicode, section 3.12).
"""

import unicodedata

CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000 and not 0xAC00 <= c < 0xD7A4]

print(f"# Unicode {unicodedata.unidata_version}, made by normalization-forms.py")

for c in CODE_POINTS:
    compatible = unicodedata.normalize("NFKD", chr(c))
    if compatible != unicodedata.normalize("NFD", chr(c)):
        print(f"compatible {c:X}: " + " ".join(f"{ord(p):X}" for p in compatible))

for c in CODE_POINTS:
    parts = unicodedata.decomposition(chr(c)).split()
    # What composition excludes does not come back from its own decomposition.
    if len(parts) == 2 and not parts[0].startswith("<") and unicodedata.normalize("NFC", chr(c)) == chr(c):
        print(f"{c:X}: " + " ".join(f"{int(p, 16):X}" for p in parts))
