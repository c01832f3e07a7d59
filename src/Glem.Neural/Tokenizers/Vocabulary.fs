namespace Glem

open System.Collections.Generic

/// Tokens and their ids 0 .. Size-1, one to one.
type Vocabulary =
    private
        { tokens: string[]
          ids: Dictionary<string, int> }

    member this.Size = this.tokens.Length

    /// Raises IndexOutOfRangeException for an id outside 0 .. Size-1.
    member this.TokenOf(id: int) = this.tokens[id]

    member this.TryIdOf(token: string) =
        match this.ids.TryGetValue token with
        | true, id -> Some id
        | _ -> None

    /// In the order of the ids.
    member this.Tokens: IReadOnlyList<string> = this.tokens

module Vocabulary =
    /// Token i gets id i. The error is the first id whose token already had a smaller one.
    let create (tokens: seq<string>) : Result<Vocabulary, int> =
        let tokens = Seq.toArray tokens
        let ids = Dictionary<string, int>(tokens.Length)

        match tokens |> Array.tryFindIndex (fun token -> not (ids.TryAdd(token, ids.Count))) with
        | Some duplicate -> Error duplicate
        | None -> Ok { tokens = tokens; ids = ids }
