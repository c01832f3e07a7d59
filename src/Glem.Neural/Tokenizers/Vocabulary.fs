namespace Glem

open System.Collections.Generic

/// Tokens and their ids below Size, one to one. Nearly always every id has a token; some published vocabularies leave
/// ids out before an added token.
type Vocabulary = private {
    tokens: (string | null)[]
    ids: Dictionary<string, int>
} with

    member this.Size = this.tokens.Length

    /// Empty for an id without a token. Raises IndexOutOfRangeException for an id outside 0 .. Size-1.
    member this.TokenOf(id: int) =
        match this.tokens[id] with
        | null -> ""
        | token -> token

    member this.HasToken(id: int) = not (isNull this.tokens[id])

    member this.TryIdOf(token: string) =
        match this.ids.TryGetValue token with
        | true, id -> Some id
        | _ -> None

    /// The id of a token that is a stretch of a text.
    member internal this.Lookup = this.ids.GetAlternateLookup<System.ReadOnlySpan<char>>()

    /// In the order of the ids.
    member this.Tokens: IReadOnlyList<string> = Array.init this.Size this.TokenOf

module Vocabulary =
    /// Token i gets id i. The error is the first id whose token already had a smaller one.
    let create (tokens: seq<string>) : Result<Vocabulary, int> =
        let tokens = Seq.toArray tokens
        let ids = Dictionary<string, int>(tokens.Length, System.StringComparer.Ordinal)

        match tokens |> Array.tryFindIndex (fun token -> not (ids.TryAdd(token, ids.Count))) with
        | Some duplicate -> Error duplicate
        | None ->
            Ok {
                tokens = tokens |> Array.map withNull
                ids = ids
            }

    /// Ids are 0, 1, 2, …; only right before one of `mayFollowGap` may some be left out, and not more than there are
    /// tokens. The error is what was found and what was expected.
    let internal ofEntries
        (mayFollowGap: Set<int>)
        (entries: seq<struct (int * string)>)
        : Result<Vocabulary, string * string> =
        let entries = entries |> Seq.distinct |> Seq.sortBy (fun (struct (id, _)) -> id) |> Seq.toArray

        let ids = Dictionary<string, int>(entries.Length, System.StringComparer.Ordinal)
        let mutable expected = 0
        let mutable problem = None

        for struct (id, token) in entries do
            let jumps = id > expected && id <= 2 * entries.Length && mayFollowGap.Contains id

            if problem.IsSome then
                ()
            elif id <> expected && not jumps then
                let found = $"id %d{id} for '%s{token}'"
                problem <- Some(found, $"id %d{expected}: ids are 0, 1, 2, … without gap or repetition")
            elif not (ids.TryAdd(token, id)) then
                problem <- Some($"'%s{token}' with two ids", "every token once")

            expected <- id + 1

        match problem with
        | Some problem -> Error problem
        | None ->
            let tokens: (string | null)[] = Array.create expected null

            for struct (id, token) in entries do
                tokens[id] <- token

            Ok { tokens = tokens; ids = ids }
