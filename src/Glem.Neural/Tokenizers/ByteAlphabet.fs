namespace Glem

open System
open System.Text

/// GPT-2's way to write any byte as a character that one can see (Radford et al. 2019, section 2.2): printable bytes of
/// Latin-1 stand for themselves, the others for U+0100 and up, in order.
module ByteAlphabet =
    let private isPrintable byte = byte >= 0x21 && byte <= 0x7E || byte >= 0xA1 && byte <= 0xAC || byte >= 0xAE

    let private characters =
        let mutable others = 0

        Array.init 256 (fun byte ->
            if isPrintable byte then
                char byte
            else
                others <- others + 1
                char (0xFF + others))

    let private bytes: int[] =
        let table = Array.create 0x180 -1
        characters |> Array.iteri (fun byte character -> table[int character] <- byte)
        table

    /// The character that stands for a byte.
    let ofByte (byte: byte) = characters[int byte]

    /// The byte that a character stands for.
    let tryToByte (character: char) =
        if int character < bytes.Length && bytes[int character] >= 0 then
            Some(byte bytes[int character])
        else
            None

    /// What a blank looks like: Ġ.
    let blank = ofByte 0x20uy

    /// The bytes of UTF-8 of [first, first + count), each as its character.
    let internal append (input: CharBuffer) first count (output: CharBuffer) =
        let text = input.Span.Slice(first, count)
        let utf8 = Span<byte>(Array.zeroCreate 4)
        let mutable i = 0
        output.Reserve count

        while i < count do
            output.From(input, first + i)

            if Char.IsAscii text[i] then
                output.Add characters[int text[i]]
                i <- i + 1
            else
                let mutable rune = Rune.ReplacementChar
                let mutable units = 0
                Rune.DecodeFromUtf16(text.Slice i, &rune, &units) |> ignore

                for k in 0 .. rune.EncodeToUtf8 utf8 - 1 do
                    output.Add characters[int utf8[k]]

                i <- i + units
