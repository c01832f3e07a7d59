namespace Glem.Neural.Tests

open Glem
open Xunit

/// Added tokens and their flags, as in Hugging Face's AddedToken.
module AddedTokenTests =
    let private withToken token =
        let vocabulary =
            match Vocabulary.create (Seq.append Samples.vocabulary.Tokens [ token.Content ]) with
            | Ok vocabulary -> vocabulary
            | Error _ -> failwith "twice"

        let parts = Samples.tokenizer.Parts

        Tokenizer.ofParts {
            parts with
                Vocabulary = vocabulary
                AddedTokens = parts.AddedTokens @ [ { token with Id = vocabulary.Size - 1 } ]
        }

    let private plain = AddedToken.special 0 "<AB>"

    let private tokens token text =
        let tokenizer = withToken token
        Tokenizer.encodePlain tokenizer text |> Array.map (Tokenizer.tokenOf tokenizer) |> String.concat "|"

    [<Fact>]
    let ``a raw token is found where it stands in its own case, inside words too`` () =
        Assert.Equal("a|<AB>|b|[UNK]|ab|[UNK]", tokens plain "a<AB>b <ab>")

    [<Fact>]
    let ``a token of whole words is not found inside one`` () =
        Assert.Equal("a|[UNK]|ab|[UNK]|<AB>|.", tokens { plain with SingleWord = true } "a<AB> <AB>.")

    [<Fact>]
    let ``a normalised token is found in any case`` () =
        Assert.Equal("a|<AB>|b|<AB>", tokens { plain with Normalized = true } "a<ab>b <Áb>")

    [<Fact>]
    let ``of two tokens at one place the longer is found`` () =
        Assert.Equal("[CLS][SEP]|a", tokens { plain with Content = "[CLS][SEP]" } "[CLS][SEP]a")

    [<Fact>]
    let ``stripping takes white space along, up to the token before`` () =
        let stripping =
            AddedTokenFinder(
                [|
                    {
                        plain with
                            LStrip = true
                            RStrip = true
                    }
                |],
                _.Content
            )

        let text = "a  <AB> \t<AB>b"
        Assert.Equal(struct (0, 1, 9), stripping.Next(System.MemoryExtensions.AsSpan text, 0))
        Assert.Equal(struct (0, 9, 13), stripping.Next(System.MemoryExtensions.AsSpan text, 9))
        Assert.Equal(struct (-1, 14, 14), stripping.Next(System.MemoryExtensions.AsSpan text, 13))

    [<Fact>]
    let ``special tokens are left out of decoded text`` () =
        Assert.Equal("ab c", Tokenizer.decode Samples.tokenizer (Tokenizer.encode Samples.tokenizer 10 "ab [MASK] c"))
