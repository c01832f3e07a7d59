namespace Glem

open System
open System.Globalization
open System.Text
open System.Text.Json
open System.Text.Json.Nodes

/// One text for a JSON value, however its keys are ordered and its numbers spelt: RFC 8785 (keys sorted by UTF-16 units, no
/// blanks, numbers as ECMAScript prints them), except that whole numbers keep all their digits, because seeds of 64 bits
/// do not fit a double. Different values give different texts, because the text is JSON again and parses to the value.
module CanonicalJson =
    /// Sign, digits without zeros at either end, and where the point stands: ±0.digits × 10^point.
    let private decimal (raw: string) =
        let mantissa, exponent =
            match raw.TrimStart('-').Split([| 'e'; 'E' |]) with
            | [| mantissa; exponent |] ->
                mantissa, Int32.Parse(exponent, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture)
            | parts -> parts[0], 0

        let whole, fraction =
            match mantissa.Split '.' with
            | [| whole; fraction |] -> whole, fraction
            | parts -> parts[0], ""

        let digits = (whole + fraction).TrimStart '0'
        let point = whole.Length + exponent - (whole.Length + fraction.Length - digits.Length)
        raw.StartsWith '-', digits.TrimEnd '0', point

    /// ECMAScript's Number::toString, for any number of digits.
    let private spelt (negative: bool, digits: string, point: int) =
        let count = digits.Length

        let text =
            if count = 0 then
                "0"
            elif count <= point && point <= 21 then
                digits + String('0', point - count)
            elif 0 < point && point <= 21 then
                digits.Insert(point, ".")
            elif -6 < point && point <= 0 then
                "0." + String('0', -point) + digits
            else
                let fraction = if count = 1 then "" else "." + digits.Substring 1
                let sign = if point > 0 then "+" else ""
                $"%c{digits[0]}%s{fraction}e%s{sign}%d{point - 1}"

        if negative && count > 0 then "-" + text else text

    let private number (raw: string) =
        let _, digits, point as exact = decimal raw

        if digits.Length <= point then
            spelt exact
        else
            let nearest = Double.Parse(raw, NumberStyles.Float, CultureInfo.InvariantCulture)
            nearest.ToString("R", CultureInfo.InvariantCulture) |> decimal |> spelt

    let private quoted (text: string) =
        let escaped letter =
            match letter with
            | '"' -> "\\\""
            | '\\' -> "\\\\"
            | '\b' -> "\\b"
            | '\t' -> "\\t"
            | '\n' -> "\\n"
            | '\f' -> "\\f"
            | '\r' -> "\\r"
            | control when control < ' ' -> $"\\u%04x{int control}"
            | other -> string other

        "\"" + String.collect escaped text + "\""

    let rec private write (value: JsonElement) : string =
        match value.ValueKind with
        | JsonValueKind.Object ->
            let fields =
                value.EnumerateObject()
                |> Seq.sortWith (fun a b -> String.CompareOrdinal(a.Name, b.Name))
                |> Seq.map (fun field -> quoted field.Name + ":" + write field.Value)

            "{" + String.Join(",", fields) + "}"
        | JsonValueKind.Array -> "[" + String.Join(",", value.EnumerateArray() |> Seq.map write) + "]"
        | JsonValueKind.String -> value.GetString() |> nonNull |> quoted
        | JsonValueKind.Number -> number (value.GetRawText())
        | _ -> value.GetRawText()

    /// The canonical text.
    /// Raises JsonException where a key stands twice in an object, OverflowException where a number's exponent exceeds 32 bits.
    let ofNode (node: JsonNode) : string =
        let options = JsonDocumentOptions(AllowDuplicateProperties = false)
        use document = JsonDocument.Parse(node.ToJsonString(), options)
        write document.RootElement

    /// The text's UTF-8 bytes. Raises EncoderFallbackException where a string is no Unicode text.
    let bytes (node: JsonNode) : byte[] = UTF8Encoding(false, throwOnInvalidBytes = true).GetBytes(ofNode node)
