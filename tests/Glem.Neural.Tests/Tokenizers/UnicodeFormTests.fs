namespace Glem.Neural.Tests

open FsCheck
open FsCheck.FSharp
open Glem
open Xunit

/// The four normalization forms: pinned by Python's unicodedata, and their laws.
module UnicodeFormTests =
    let private check (law: string -> bool) =
        Check.One(Config.QuickThrowOnFailure.WithMaxTest 1000, Prop.forAll Samples.texts law)

    // text, NFC, NFD, NFKC, NFKD of unicodedata 14.0
    [<Theory>]
    [<InlineData("\u1E9B\u0323", "\u1E9B\u0323", "\u017F\u0323\u0307", "\u1E69", "s\u0323\u0307")>]
    [<InlineData("e\u0301\u0327", "\u0229\u0301", "e\u0327\u0301", "\u0229\u0301", "e\u0327\u0301")>]
    [<InlineData("\uAC01\uD55C",
                 "\uAC01\uD55C",
                 "\u1100\u1161\u11A8\u1112\u1161\u11AB",
                 "\uAC01\uD55C",
                 "\u1100\u1161\u11A8\u1112\u1161\u11AB")>]
    [<InlineData("\uAC00\u11A8", "\uAC01", "\u1100\u1161\u11A8", "\uAC01", "\u1100\u1161\u11A8")>]
    [<InlineData("\uFB01 \u2460 \uFF21", "\uFB01 \u2460 \uFF21", "\uFB01 \u2460 \uFF21", "fi 1 A", "fi 1 A")>]
    [<InlineData("\u0958\u2ADC",
                 "\u0915\u093C\u2ADD\u0338",
                 "\u0915\u093C\u2ADD\u0338",
                 "\u0915\u093C\u2ADD\u0338",
                 "\u0915\u093C\u2ADD\u0338")>]
    [<InlineData("a\u0300\u0300b", "\u00E0\u0300b", "a\u0300\u0300b", "\u00E0\u0300b", "a\u0300\u0300b")>]
    [<InlineData("\u09C7\u0334\u09BE",
                 "\u09C7\u0334\u09BE",
                 "\u09C7\u0334\u09BE",
                 "\u09C7\u0334\u09BE",
                 "\u09C7\u0334\u09BE")>]
    [<InlineData("\u212B\u0345", "\u00C5\u0345", "A\u030A\u0345", "\u00C5\u0345", "A\u030A\u0345")>]
    let ``the forms are unicodedata's`` (text: string) (nfc: string) (nfd: string) (nfkc: string) (nfkd: string) =
        Assert.Equal(nfc, UnicodeForm.normalize Nfc text)
        Assert.Equal(nfd, UnicodeForm.normalize Nfd text)
        Assert.Equal(nfkc, UnicodeForm.normalize Nfkc text)
        Assert.Equal(nfkd, UnicodeForm.normalize Nfkd text)

    [<Fact>]
    let ``a form of a form is that form`` () =
        check (fun text ->
            [ Nfc; Nfd; Nfkc; Nfkd ]
            |> List.forall (fun form ->
                UnicodeForm.normalize form (UnicodeForm.normalize form text) = UnicodeForm.normalize form text))

    [<Fact>]
    let ``composing and decomposing undo each other`` () =
        check (fun text ->
            UnicodeForm.normalize Nfd (UnicodeForm.normalize Nfc text) = UnicodeForm.normalize Nfd text
            && UnicodeForm.normalize Nfc (UnicodeForm.normalize Nfd text) = UnicodeForm.normalize Nfc text
            && UnicodeForm.normalize Nfkc text = UnicodeForm.normalize Nfc (UnicodeForm.normalize Nfkd text))
