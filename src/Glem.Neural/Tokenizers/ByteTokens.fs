namespace Glem

open System

/// "0x00" to "0xFF" in angle brackets: the tokens that spell what no other token does, byte by byte.
module internal ByteTokens =
    let name (byte: byte) = $"<0x{byte:X2}>"

    /// The byte that a token spells.
    let tryToByte (token: string) =
        if token.Length = 6 && token.StartsWith("<0x", StringComparison.Ordinal) && token[5] = '>' then
            match Byte.TryParse(token.AsSpan(3, 2), Globalization.NumberStyles.HexNumber, null) with
            | true, byte -> Some byte
            | _ -> None
        else
            None

    /// The id of each byte's token; -1 for one that the vocabulary lacks.
    let ids (vocabulary: Vocabulary) =
        Array.init 256 (fun byte -> vocabulary.TryIdOf(name (Operators.byte byte)) |> Option.defaultValue -1)
