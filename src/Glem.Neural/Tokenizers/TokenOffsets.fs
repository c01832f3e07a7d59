namespace Glem

open System

/// Where tokens stand, as Hugging Face's library counts: in code points.
module internal TokenOffsets =
    /// For each UTF-16 unit of a text, and its end, how many code points are before it.
    let codePoints (text: string) =
        let places = Array.zeroCreate (text.Length + 1)

        for i in 0 .. text.Length - 1 do
            let insidePair = i + 1 < text.Length && Char.IsSurrogatePair(text[i], text[i + 1])
            places[i + 1] <- places[i] + (if insidePair then 0 else 1)

        places

    let private isBlank unit = unit = ByteAlphabet.blank || Char.IsWhiteSpace unit

    /// Offsets without the blanks at a token's ends, in which its own text shows them.
    ///   prefixAdded : the blank before the first token is not the text's
    let trim prefixAdded isFirst (token: string) (struct (start, stop)) =
        let leading = token |> Seq.takeWhile isBlank |> Seq.length
        let trailing = token |> Seq.rev |> Seq.takeWhile isBlank |> Seq.length
        let added = if leading > 0 && prefixAdded && (isFirst || start = 0) then 1 else 0
        let start = min (start + leading - added) stop
        struct (start, (if trailing > 0 && stop >= trailing then max (stop - trailing) start else stop))
