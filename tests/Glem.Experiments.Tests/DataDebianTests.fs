module Glem.Experiments.Tests.DataDebianTests

open System
open System.IO
open Glem
open Xunit

let private info: DatasetInfo = {
    Name = "debian"
    Licence = ""
    Source = ""
    Attribution = ""
    SplitPolicy = ""
}

/// A release of `size` packages in each of two sections, p0, p1 … and q0, q1 …, and these stanzas besides.
let private build size packages translations =
    let filler = [
        for name, section in [ "p", "perl"; "q", "net" ] do
            for i in 0 .. size - 1 do
                $"Package: %s{name}%d{i}\nSection: %s{section}\nDescription: filler %d{i}\nDescription-md5: 0\n\n"
    ]

    use packages = new StringReader(String.concat "" filler + packages)
    use translations = new StringReader(translations: string)
    Debian.build info packages translations

let private size = Debian.minimumSection

let private node id (records: DatasetRecords) = records.Nodes |> Array.find (fun node -> node.Id = id)

let private neighbours id (records: DatasetRecords) =
    records.Edges
    |> Array.choose (fun (struct (a, b)) ->
        if a = id then Some b
        elif b = id then Some a
        else None)
    |> Array.sort

[<Fact>]
let ``dependencies are met by the first package that is named, else by the one that provides the name`` () =
    let records, report =
        build
            size
            "Package: a\nSection: net\nDescription: a\nPre-Depends: b (>= 1.0), gone\nDepends: nothing | c:any | d, virtual-one,\n virtual-two\nRecommends: e | virtual-one\nSuggests: f [amd64]\n\nPackage: b\nSection: net\nDescription: b\nProvides: virtual-one (= 2), virtual-two\n\nPackage: c\nSection: net\nDescription: c\nProvides: virtual-two\n\nPackage: d\nSection: net\nDescription: d\n\nPackage: e\nSection: net\nDescription: e\n\nPackage: f\nSection: net\nDescription: f\n\nPackage: a\nSection: net\nDescription: another version\nDepends: d\n"
            ""

    Assert.Equal<string>([| "b"; "c"; "e"; "f" |], neighbours "a" records)
    Assert.Equal((4, 1), (report.Named, report.Provided))
    Assert.Equal((1, 1, 1), (report.Ambiguous, report.Unmet, report.RepeatedPackages))

[<Fact>]
let ``a text is the long description of the package's own version, without package names`` () =
    let records, _ =
        build
            size
            "Package: libfoo-perl\nSection: perl\nDescription: short foo\nDescription-md5: abc\n\nPackage: perl\nSection: perl\nDescription: language\nDescription-md5: 1\n"
            "Package: libfoo-perl\nDescription-md5: old\nDescription-en: an old one\n\nPackage: libfoo-perl\nDescription-md5: abc\nDescription-en: Foo for perl\n The libfoo-perl library, see (libfoo-perl-doc).\n .\n  * well-known, p0-like\n\nPackage: unknown\nDescription-md5: 1\nDescription-en: of nobody\n"

    // "perl" is a package and a word; "well-known" has a hyphen and is none; libfoo-perl-doc is no package of this release.
    Assert.Equal(
        "Foo for perl The library, see (libfoo-perl-doc). * well-known, p0-like",
        (node "libfoo-perl" records).Text
    )

    Assert.Equal("language", (node "perl" records).Text)

[<Fact>]
let ``packages of a small section stay without label`` () =
    let records, report = build size "Package: z\nSection: non-free/tiny\nDescription: z\n" ""
    Assert.Equal<string>([| "net"; "perl" |], records.ClassNames)
    Assert.Equal((None, Unassigned), ((node "z" records).Label, (node "z" records).Part))
    Assert.Equal((1, [ "tiny" ]), (report.Unlabelled, report.SmallSections))
    Assert.Contains(Debian.lines report, _.Contains("tiny"))

[<Fact>]
let ``a damaged index is refused by line`` () =
    let complaint = Assert.Throws<GlemException>(fun () -> build size "Package a\n" "" |> ignore)
    Assert.Contains($"line %d{2 * size * 5 + 1}", complaint.Message)
    Assert.Contains("'Package a'", complaint.Message)
    let nameless = Assert.Throws<GlemException>(fun () -> build size "Section: net\n" "" |> ignore)
    Assert.Contains("without Package", nameless.Message)
