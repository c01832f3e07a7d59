namespace Glem

open System
open System.Text.RegularExpressions

/// The namespaces of an API, to take them out of prose: a class label read off "System.Xml.XmlReader" would be no task.
type NamespaceNames = private { Known: Set<string> }

module NamespaceNames =
    let private segments (name: string) = name.Split '.'

    /// Every run of words in a namespace, lower-case: of System.Threading.Tasks also "threading.tasks" and "threading",
    /// for prose that leaves out the front ("Tasks.Task").
    let ofNamespaces (namespaces: seq<string>) = {
        Known =
            set [
                for space in namespaces do
                    let parts = segments space |> Array.map _.ToLowerInvariant()

                    for last in 1 .. parts.Length do
                        for first in 0 .. last - 1 do
                            String.Join('.', parts[first .. last - 1])
            ]
    }

    let private dotted = Regex(@"[\p{L}_][\w`]*(?:\.[\p{L}_#][\w`#]*)+\.?\*?", RegexOptions.Compiled)

    let private address =
        Regex(@"\b(?:https?://|www\.)\S+|\bxref:", RegexOptions.Compiled ||| RegexOptions.IgnoreCase)

    /// The longest namespace that a dotted name starts with is cut off, word by word; the rest, a type and its member, stays.
    let private simplify (names: NamespaceNames) (name: string) =
        let parts = segments name

        let isKnown count = names.Known.Contains((String.Join('.', parts[.. count - 1])).ToLowerInvariant())

        match seq { parts.Length .. -1 .. 1 } |> Seq.tryFind isKnown with
        | Some count -> String.Join('.', parts[count..])
        | None -> name

    /// The text without addresses (they spell names in lower case) and without any qualifying namespace.
    let strip (names: NamespaceNames) (text: string) =
        let rec settle (text: string) =
            let stripped =
                dotted.Replace(
                    text,
                    fun (found: Match) ->
                        let ending = if found.Value.EndsWith '.' then "." else ""
                        simplify names (found.Value.TrimEnd('*').TrimEnd('.')) + ending
                )

            // "Microsoft.System.IO.X" hides a second name behind the first.
            if stripped = text then text else settle stripped

        settle (address.Replace(text, " "))

    /// Does a text qualify a name by a namespace, or name a namespace of two or more words?
    let occursIn (names: NamespaceNames) (text: string) =
        dotted.Matches text
        |> Seq.exists (fun found ->
            let parts = segments (found.Value.ToLowerInvariant().TrimEnd('*').TrimEnd('.'))

            seq {
                parts[0]

                for first in 0 .. parts.Length - 2 do
                    for last in first + 2 .. parts.Length do
                        String.Join('.', parts[first .. last - 1])
            }
            |> Seq.exists names.Known.Contains)
