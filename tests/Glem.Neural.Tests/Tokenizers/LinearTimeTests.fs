namespace Glem.Neural.Tests

open System
open Glem
open Xunit

/// A megabyte of anything takes about a second at most; what were quadratic would take minutes.
module LinearTimeTests =
    let private million = 1_000_000

    let private texts: (string * string) list = [
        "one word", String('a', million)
        "one accented word", String.replicate million "é"
        "combining marks", String('\u0301', million)
        "marks that stay, out of order", String.replicate (million / 4) "\U0001D16D\U0001D165"
        "opening brackets", String('[', million)
        "beginnings of special tokens", String.replicate (million / 4) "[CLS"
        "special tokens", String.replicate (million / 5) "[CLS]"
        "blanks", String(' ', million)
        "ideographs", String('中', million)
        "unknown words", String.replicate (million / 100) (String('a', 98) + "x ")
        "lone surrogates", String('\uD83D', million)
        "marks of falling class", String.replicate (million / 4) "\u0345\u0301\u0323\u0334"
        "contractions", String.replicate (million / 3) "'ll"
        "letters and blanks", String.replicate (million / 2) "a "
    ]

    // Not the clock's: on a busy machine that measures the neighbours.
    let private processorTime () = Environment.CpuUsage.TotalTime

    [<Fact>]
    let ``time is linear in the text, whatever it is made of`` () =
        for kind, tokenizer in
            [
                "WordPiece", Samples.tokenizer
                "byte-pair encoding", ModelSamples.byteLevel
                "Unigram", ModelSamples.sentencePiece
            ] do
            for name, text in texts do
                let start = processorTime ()
                Tokenizer.encodePlain tokenizer text |> ignore
                let spent = processorTime () - start
                Assert.True(spent < TimeSpan.FromSeconds 5., $"%s{kind}, %s{name}: %O{spent}")

    [<Fact>]
    let ``training is not slowed by a word of a million characters`` () =
        let start = processorTime ()

        let settings = {
            WordPieceTrainer.defaults with
                VocabularySize = 50
        }

        Assert.True((WordPieceTrainer.train settings [ String.replicate (million / 2) "ab"; "ab abc" ]).IsOk)
        let spent = processorTime () - start
        Assert.True(spent < TimeSpan.FromSeconds 5., string spent)
