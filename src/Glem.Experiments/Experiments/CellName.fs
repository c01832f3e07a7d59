namespace Glem

open System
open System.Text.RegularExpressions

/// What a grid's cells are called, in files, folders and rules alike: "glem,alpha=0.3,beta=0.05".
/// Letters, digits and . _ + - stand for themselves; every other UTF-16 unit is % and its four hexadecimal digits. So two
/// cells never share a name, and every name is that of a folder.
module CellName =
    let private isPlain first (letter: char) =
        Char.IsAsciiLetterOrDigit letter
        || letter = '_'
        || letter = '+'
        || letter = '-'
        || (letter = '.' && not first)

    let private escape (text: string) =
        text
        |> Seq.mapi (fun at letter -> if isPlain (at = 0) letter then string letter else $"%%%04X{int letter}")
        |> String.concat ""

    let private unescape (text: string) =
        Regex.Replace(
            text,
            "%([0-9A-F]{4})",
            (fun found -> Convert.ToInt32(found.Groups[1].Value, 16) |> char |> string)
        )

    /// The name of an arm at levels of axes.
    ///   levels : axis and label
    let format (arm: string) (levels: (string * string) list) =
        escape arm :: [ for axis, label in levels -> $"%s{escape axis}=%s{escape label}" ]
        |> String.concat ","

    /// The arm and the levels that a name, or the beginning of one, speaks of. Error: what is no name; `key` says where it
    /// stands.
    let parse (key: string) (name: string) : Result<string * (string * string) list, GlemError> =
        let parts = name.Split ',' |> List.ofArray
        let levels = parts.Tail |> List.map (fun part -> part.Split '=')

        if parts.Head.Contains '=' || levels |> List.exists (fun level -> level.Length <> 2) then
            Error(InSetting(key, name, "an arm and levels, such as glem,alpha=0.3"))
        else
            Ok(unescape parts.Head, [ for level in levels -> unescape level[0], unescape level[1] ])
