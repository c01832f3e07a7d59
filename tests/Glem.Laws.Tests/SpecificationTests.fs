/// The specification as a whole.
module Glem.Laws.Tests.SpecificationTests

open System
open System.IO
open Glem.Laws
open Xunit

/// A law's name is its test's.
let names () = TheoryData<string>(Specification.laws |> List.map _.Name)

[<Theory>]
[<MemberData(nameof names)>]
let ``it is a law that`` (name: string) =
    Specification.prepare ()
    let law = Specification.laws |> List.find (fun law -> law.Name = name)

    for case in law.Cases do
        match case.Try Law.usual with
        | Holds cases -> Assert.True(cases > 0)
        | Broken counterExample -> Assert.Fail $"on %s{case.Instance}, %s{counterExample}"

[<Fact>]
let ``laws differ in their names, and none is left without words or cases`` () =
    let laws = Specification.laws
    Assert.Equal(laws.Length, laws |> List.distinctBy _.Name |> List.length)

    for law in laws do
        for words in [ law.Name; law.Statement; law.Source; law.Guards; law.Mutation ] do
            Assert.False(String.IsNullOrWhiteSpace words, law.Name)
            Assert.DoesNotContain("\n", words)

        Assert.NotEmpty law.Cases

[<Fact>]
let ``docs/laws.md is what the laws say now: ./glem laws --markdown docs/laws.md writes it`` () =
    let rec climb (folder: DirectoryInfo) =
        if File.Exists(Path.Combine(folder.FullName, "Glem.Fs.sln")) then
            folder.FullName
        else
            match folder.Parent with
            | null -> failwith "these tests run inside the repository"
            | parent -> climb parent

    let page = Path.Combine(climb (DirectoryInfo AppContext.BaseDirectory), "docs", "laws.md")
    Assert.Equal(Specification.toMarkdown (), File.ReadAllText page)
