namespace Glem

open System
open System.Collections.Generic
open System.Globalization
open System.IO

/// Unicode's canonical decomposition (NFD; Unicode Standard, sections 3.11 and 3.12), from a table of our own:
/// String.Normalize changes nothing where globalisation is invariant, and elsewhere depends on the machine's ICU.
module CanonicalDecomposition =
    let private hex (text: string) =
        Int32.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture)

    let private lines =
        use stream = typeof<CharBuffer>.Assembly.GetManifestResourceStream "canonical-decomposition.txt" |> nonNull
        use reader = new StreamReader(stream)

        reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries)
        |> Array.filter (fun line -> not (line.StartsWith '#'))
        |> Array.map (fun line -> line.Split ": ")

    let private classes =
        let classes = Dictionary<int, int>()

        for line in lines do
            if line[0].StartsWith "class" then
                let ends = line[1].Split ".."

                for codePoint in hex ends[0] .. hex ends[1] do
                    classes[codePoint] <- int (line[0].Substring 6)

        classes

    let private table =
        let table = Dictionary<int, int[]>()

        for line in lines do
            if not (line[0].StartsWith "class") then
                table[hex line[0]] <- line[1].Split ' ' |> Array.map hex

        table

    [<Literal>]
    let private FirstSyllable = 0xAC00

    /// A Hangul syllable's two or three jamo, by arithmetic (section 3.12).
    let private jamo syllable =
        let index = syllable - FirstSyllable
        let leading = 0x1100 + index / (21 * 28)
        let vowel = 0x1161 + index % (21 * 28) / 28
        let trailing = 0x11A7 + index % 28
        if trailing = 0x11A7 then [| leading; vowel |] else [| leading; vowel; trailing |]

    /// The canonical combining class: 0 for a starter; marks of different classes may be reordered.
    let combiningClass (codePoint: int) =
        match classes.TryGetValue codePoint with
        | true, value -> value
        | _ -> 0

    /// The full canonical decomposition of one code point; empty where it is its own.
    let parts (codePoint: int) : int[] =
        if codePoint >= FirstSyllable && codePoint < FirstSyllable + 11172 then
            jamo codePoint
        else
            match table.TryGetValue codePoint with
            | true, parts -> parts
            | _ -> Array.empty
