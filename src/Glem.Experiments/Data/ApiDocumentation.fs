namespace Glem

open System
open System.Collections.Generic
open System.IO
open System.Text
open System.Text.RegularExpressions
open System.Xml

/// What the XML documentation says of one type.
type ApiDocument = {
    /// Summary and remarks of the type, then its members' summaries in the file's order, each once.
    Paragraphs: string list
    /// Documentation identifiers of the types it links to ("see" and "seealso"; a linked member counts as its type).
    Links: Set<string>
}

/// Reads the XML files that compilers write beside assemblies.
module ApiDocumentation =
    let private blanks = Regex(@"\s+", RegexOptions.Compiled)

    /// "M:A.B.C``1(System.Int32)" is member C of type A.B, "T:A.B" the type A.B itself.
    let private target (identifier: string) =
        if identifier.Length < 2 || identifier[1] <> ':' then
            None
        else
            let body = identifier.Substring 2
            let body = body.Split([| '('; '~' |], 2)[0]

            match identifier[0] with
            | 'T' -> Some(body, None)
            | 'M'
            | 'P'
            | 'F'
            | 'E' when body.Contains '.' ->
                let dot = body.LastIndexOf '.'
                let name = body.Substring(dot + 1)
                let arity = name.IndexOf "``"
                Some(body.Substring(0, dot), Some(if arity < 0 then name else name.Substring(0, arity)))
            | _ -> None

    /// "T:System.Collections.Generic.List`1" reads "List"; "M:System.String.Split(...)" reads "String.Split"; a namespace reads as nothing.
    let private spoken identifier =
        let simple (id: string) = id.Substring(id.LastIndexOf '.' + 1).Split('`')[0]

        match target identifier with
        | Some(owner, None) -> simple owner
        | Some(owner, Some "#ctor") -> simple owner
        | Some(owner, Some name) -> $"%s{simple owner}.%s{name}"
        | None -> ""

    /// Prose of an element, links reduced to simple names. Leaves out code samples, which are not prose.
    let private prose (links: HashSet<string>) (element: XmlElement) =
        let text = StringBuilder()

        let rec visit (node: XmlNode | null) =
            match node with
            | :? XmlCharacterData as characters when not (characters :? XmlComment) ->
                text.Append characters.Data |> ignore
            | :? XmlElement as element ->
                match element.Name with
                | "see"
                | "seealso" ->
                    let cref = element.GetAttribute "cref"

                    match target cref with
                    | Some(owner, _) -> links.Add owner |> ignore
                    | None -> ()

                    if cref <> "" then text.Append(spoken cref) |> ignore
                    elif element.HasChildNodes then visitAll element
                    else text.Append(element.GetAttribute "langword") |> ignore
                | "paramref"
                | "typeparamref" -> text.Append(element.GetAttribute "name") |> ignore
                | "code"
                | "script" -> ()
                | "para"
                | "item"
                | "term"
                | "description"
                | "br"
                | "li"
                | "p" ->
                    text.Append ' ' |> ignore
                    visitAll element
                    text.Append ' ' |> ignore
                | _ -> visitAll element
            | _ -> ()

        and visitAll (element: XmlElement) =
            for child in element.ChildNodes do
                visit child

        visitAll element
        blanks.Replace(text.ToString(), " ").Trim()

    let private paragraphsOf (names: string list) links (entry: XmlElement) = [
        for name in names do
            for node in entry.ChildNodes do
                match node with
                | :? XmlElement as element when element.Name = name ->
                    match prose links element with
                    | "" -> ()
                    | text -> text
                | _ -> ()
    ]

    /// The entries of a file. Error: a file that is not well-formed XML.
    let private entries (file: string) : Result<XmlElement list, GlemError> =
        try
            use reader = XmlReader.Create(file, XmlReaderSettings(DtdProcessing = DtdProcessing.Prohibit))
            let document = XmlDocument(PreserveWhitespace = true)
            reader.MoveToContent() |> ignore

            Ok [
                while not reader.EOF do
                    if reader.NodeType = XmlNodeType.Element && reader.Name = "member" then
                        match document.ReadNode reader with
                        | :? XmlElement as entry -> entry
                        | _ -> ()
                    else
                        reader.Read() |> ignore
            ]
        with :? XmlException as error ->
            Error(InFile(file, $"line %d{error.LineNumber}", error.Message, "well-formed XML documentation"))

    /// All that a file says, entry by entry in its order: the type's identifier, the member's name where it is one, and
    /// the paragraphs of summary, remarks, return value, value, parameters and exceptions. Error: as `read`.
    let passages (file: string) : Result<(string * string option * string list) list, GlemError> =
        let parts = [ "summary"; "remarks"; "returns"; "value"; "param"; "exception" ]

        entries file
        |> Result.map (
            List.choose (fun entry ->
                target (entry.GetAttribute "name")
                |> Option.map (fun (owner, name) -> owner, name, paragraphsOf parts (HashSet()) entry))
        )

    /// The documents of the types in `visible` (identifier -> visible members), from files read in the given order; where two
    /// files document the same thing, the first one counts. Error for a file that is not well-formed XML.
    let read (visible: IReadOnlyDictionary<string, Set<string>>) (files: string list) =
        let seen = HashSet<string>()
        let own = Dictionary<string, string list>()
        let ofMembers = Dictionary<string, ResizeArray<string>>()
        let links = Dictionary<string, HashSet<string>>()

        let linksOf owner =
            match links.TryGetValue owner with
            | true, found -> found
            | false, _ ->
                let made = HashSet()
                links[owner] <- made
                made

        let readEntry (entry: XmlElement) =
            let identifier = entry.GetAttribute "name"

            match target identifier with
            | Some(owner, None) when visible.ContainsKey owner && seen.Add identifier ->
                own[owner] <- paragraphsOf [ "summary"; "remarks" ] (linksOf owner) entry
                // Links at the top level of an entry stand outside any paragraph.
                paragraphsOf [ "seealso" ] (linksOf owner) entry |> ignore
            | Some(owner, Some name) when
                visible.ContainsKey owner && visible[owner].Contains name && seen.Add identifier
                ->
                let paragraphs = paragraphsOf [ "summary" ] (linksOf owner) entry

                if not (ofMembers.ContainsKey owner) then
                    ofMembers[owner] <- ResizeArray()

                ofMembers[owner].AddRange paragraphs
            | _ -> ()

        let readFile file = entries file |> Result.map (List.iter readEntry)

        let rec readAll files =
            match files with
            | [] -> Ok()
            | file :: rest -> readFile file |> Result.bind (fun () -> readAll rest)

        readAll files
        |> Result.map (fun () ->
            dict [
                for owner in visible.Keys do
                    let members =
                        match ofMembers.TryGetValue owner with
                        | true, found -> List.ofSeq found
                        | false, _ -> []

                    let paragraphs =
                        match own.TryGetValue owner with
                        | true, found -> found @ members
                        | false, _ -> members

                    owner,
                    {
                        Paragraphs = List.distinct paragraphs
                        Links =
                            (match links.TryGetValue owner with
                             | true, found -> set found
                             | false, _ -> Set.empty)
                    }
            ])
