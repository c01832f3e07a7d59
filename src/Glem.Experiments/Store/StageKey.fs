namespace Glem

open System

/// SHA-256 over the canonical form of a stage's kind, configuration and inputs' keys: 64 lower-case hexadecimal digits.
type StageKey =
    private
    | StageKey of string

    /// The 64 digits.
    member this.Text =
        let (StageKey text) = this
        text

    /// As many of them as a person compares.
    member this.Short = this.Text.Substring(0, 12)
    override this.ToString() = this.Text

module StageKey =
    /// The key with these 64 lower-case digits.
    let ofText (text: string) =
        if text.Length = 64 && text |> Seq.forall Char.IsAsciiHexDigitLower then
            Some(StageKey text)
        else
            None

    /// The key with these 32 bytes.
    let internal ofHash (sha256: byte[]) = StageKey(Convert.ToHexStringLower sha256)
