namespace Glem

open System.Collections.Generic
open System.IO
open System.Text
open TorchSharp

/// Where a pickled tensor's elements are: a run of them under a key of the file that the pickle is from.
type PickledStorage = {
    Key: string
    Type: torch.ScalarType
    /// Bytes of one element.
    Size: int
    /// Elements.
    Count: int64
}

/// A view of a storage: element [i; j; …] is the storage's Offset + i Strides[0] + j Strides[1] + …. Every element lies in it,
/// and there are no more elements than it has.
type PickledTensor = {
    Storage: PickledStorage
    Offset: int64
    Shape: int64[]
    Strides: int64[]
}

/// What the pickle of a dictionary of tensors is made of.
[<RequireQualifiedAccess; ReferenceEquality>]
type Pickled =
    | Nothing
    | Flag of bool
    | Number of bigint
    | Text of string
    | Tuple of Pickled[]
    | List of ResizeArray<Pickled>
    | Dictionary of ResizeArray<struct (Pickled * Pickled)>
    /// A name that may stand before a call, nothing more.
    | Name of string
    | Storage of PickledStorage
    | Tensor of PickledTensor

/// Reads the pickles that torch.save writes of a dictionary of tensors (protocol 2), and refuses all others by what they
/// hold. A pickle is a program; this runs none of it: a name is looked up in the list below, and its one permitted call
/// builds a value of ours. https://docs.python.org/3/library/pickletools.html
module Pickle =
    /// A pickle names its tensors, and holds none; a thousand take 0.2 MB.
    let private longest = 4_000_000L

    let private storages: (string * torch.ScalarType * int) list = [
        "torch.DoubleStorage", torch.ScalarType.Float64, 8
        "torch.FloatStorage", torch.ScalarType.Float32, 4
        "torch.HalfStorage", torch.ScalarType.Float16, 2
        "torch.BFloat16Storage", torch.ScalarType.BFloat16, 2
        "torch.LongStorage", torch.ScalarType.Int64, 8
        "torch.IntStorage", torch.ScalarType.Int32, 4
        "torch.ShortStorage", torch.ScalarType.Int16, 2
        "torch.CharStorage", torch.ScalarType.Int8, 1
        "torch.ByteStorage", torch.ScalarType.Byte, 1
        "torch.BoolStorage", torch.ScalarType.Bool, 1
    ]

    let private orderedDictionary = "collections.OrderedDict"
    let private rebuildTensor = "torch._utils._rebuild_tensor_v2"

    let private names =
        orderedDictionary :: rebuildTensor :: (storages |> List.map (fun (name, _, _) -> name)) |> HashSet

    let private expected = "a dictionary of tensors; nothing else is read, and nothing is run"

    let private shown pickled =
        match pickled with
        | Pickled.Nothing -> "None"
        | Pickled.Flag flag -> string flag
        | Pickled.Number number -> string number
        | Pickled.Text text -> $"'%s{text}'"
        | Pickled.Tuple items -> $"a tuple of %d{items.Length}"
        | Pickled.List items -> $"a list of %d{items.Count}"
        | Pickled.Dictionary items -> $"a dictionary of %d{items.Count}"
        | Pickled.Name name -> $"the class %s{name}"
        | Pickled.Storage _ -> "a storage"
        | Pickled.Tensor _ -> "a tensor"

    /// A number that counts something; None for anything else.
    let private (|Count|_|) pickled =
        match pickled with
        | Pickled.Number number when number.Sign >= 0 && number <= bigint System.Int64.MaxValue -> Some(int64 number)
        | _ -> None

    let private (|Counts|_|) pickled =
        match pickled with
        | Pickled.Tuple items ->
            let counts = items |> Array.choose (|Count|_|)
            if counts.Length = items.Length then Some counts else None
        | _ -> None

    /// The tensor, if every element of it lies in its storage and none is counted often.
    let private view (storage: PickledStorage) offset (shape: int64[]) (strides: int64[]) =
        try
            let elements = shape |> Array.fold (fun product length -> Checked.(*) product length) 1L

            let last =
                Array.fold2
                    (fun at length stride -> Checked.(+) at (Checked.(*) (length - 1L) stride))
                    offset
                    shape
                    strides

            if
                shape.Length = strides.Length
                && (elements = 0L || last < storage.Count && elements <= storage.Count)
            then
                Some {
                    Storage = storage
                    Offset = offset
                    Shape = shape
                    Strides = strides
                }
            else
                None
        with
        | :? System.OverflowException
        | :? System.ArgumentException -> None

    /// Reads one pickle and leaves the reader behind it. Raises a GlemException that names `file`, the byte and what stands there,
    /// for anything but dictionaries, lists, tuples, texts, numbers and tensors, and EndOfStreamException.
    let read (file: string) (input: BinaryReader) : Pickled =
        let start = input.BaseStream.Position
        let stack = ResizeArray<Pickled>()
        let marks = Stack<int>()
        let memo = Dictionary<int, Pickled>()

        let refuseFor found expected : 'a =
            raise (GlemException(InFile(file, $"byte %d{input.BaseStream.Position}", found, expected)))

        let refuse found : 'a = refuseFor found expected
        let push = stack.Add

        let pop () =
            let least = if marks.Count = 0 then 0 else marks.Peek()

            if stack.Count <= least then
                refuse "a pickle that takes more than it has"

            let top = stack[stack.Count - 1]
            stack.RemoveAt(stack.Count - 1)
            top

        let top () =
            let top = pop ()
            push top
            top

        let popToMark () =
            if marks.Count = 0 then
                refuse "a pickle without the mark that it looks for"

            let from = marks.Pop()
            let items = stack.GetRange(from, stack.Count - from).ToArray()
            stack.RemoveRange(from, items.Length)
            items

        let bytes count =
            let left = longest - (input.BaseStream.Position - start)

            if int64 count > left || count < 0 then
                refuse $"a string of %d{count} bytes"

            let bytes = input.ReadBytes count
            if bytes.Length = count then bytes else raise (EndOfStreamException())

        let text count =
            try
                UTF8Encoding(false, true).GetString(bytes count)
            with :? DecoderFallbackException ->
                refuse "a text that is not UTF-8"

        let line () =
            let line = StringBuilder()
            let mutable next = input.ReadByte()

            while next <> byte '\n' do
                if line.Length >= 200 then
                    refuse "a name of more than 200 bytes"

                line.Append(char next) |> ignore
                next <- input.ReadByte()

            line.ToString()

        let name () =
            let owner = line ()
            let name = $"%s{owner}.%s{line ()}"
            if names.Contains name then Pickled.Name name else refuse $"the name %s{name}"

        let call target arguments =
            match target, arguments with
            | Pickled.Name name, Pickled.Tuple [||] when name = orderedDictionary -> Pickled.Dictionary(ResizeArray())
            | Pickled.Name name, Pickled.Tuple items when name = rebuildTensor && items.Length >= 4 ->
                match items[0], items[1], items[2], items[3] with
                | Pickled.Storage storage, Count offset, Counts shape, Counts strides ->
                    match view storage offset shape strides with
                    | Some tensor -> Pickled.Tensor tensor
                    | None ->
                        let lengths = System.String.Join("; ", shape)

                        refuseFor
                            $"a tensor [%s{lengths}] at %d{offset}"
                            $"one within its storage's %d{storage.Count} elements"
                | _ -> refuse "a tensor without storage, offset, shape and strides"
            | other, _ -> refuse $"a call of %s{shown other}"

        let storage persistent =
            match persistent with
            | Pickled.Tuple items when items.Length = 5 || items.Length = 6 && items[5].IsNothing ->
                match items[0], items[1], items[2], items[4] with
                | Pickled.Text "storage", Pickled.Name name, Pickled.Text key, Count count ->
                    match storages |> List.tryFind (fun (known, _, _) -> known = name) with
                    | Some(_, kind, size) ->
                        Pickled.Storage {
                            Key = key
                            Type = kind
                            Size = size
                            Count = count
                        }
                    | None -> refuse $"a storage of %s{name}"
                | _ -> refuse "an outside object that is no storage"
            | _ -> refuse "an outside object that is no storage"

        let extend target (items: Pickled[]) =
            match target with
            | Pickled.List list -> list.AddRange items
            | other -> refuse $"items for %s{shown other}"

        let set target (items: Pickled[]) =
            match target with
            | Pickled.Dictionary entries when items.Length % 2 = 0 ->
                for i in 0..2 .. items.Length - 2 do
                    entries.Add(struct (items[i], items[i + 1]))
            | other -> refuse $"entries for %s{shown other}"

        let remember index =
            if index < 0 then
                refuse "a place below 0"

            memo[index] <- top ()

        let recall index =
            match memo.TryGetValue index with
            | true, value -> push value
            | _ -> refuse $"a reference to %d{index}, which is nowhere"

        let mutable answer = None

        while answer.IsNone do
            if input.BaseStream.Position - start >= longest then
                refuse $"more than %d{longest} bytes of pickle"

            match char (input.ReadByte()) with
            | '\x80' ->
                match input.ReadByte() with
                | version when version <= 2uy -> ()
                | version -> refuse $"pickle protocol %d{version}"
            | '.' -> answer <- Some(pop ())
            | '(' -> marks.Push stack.Count
            | '}' -> push (Pickled.Dictionary(ResizeArray()))
            | ']' -> push (Pickled.List(ResizeArray()))
            | ')' -> push (Pickled.Tuple [||])
            | 'N' -> push Pickled.Nothing
            | '\x88' -> push (Pickled.Flag true)
            | '\x89' -> push (Pickled.Flag false)
            | 'K' -> push (Pickled.Number(bigint (int (input.ReadByte()))))
            | 'M' -> push (Pickled.Number(bigint (int (input.ReadUInt16()))))
            | 'J' -> push (Pickled.Number(bigint (input.ReadInt32())))
            | '\x8a' -> push (Pickled.Number(bigint (bytes (int (input.ReadByte())))))
            | 'X' -> push (Pickled.Text(text (input.ReadInt32())))
            | 'q' -> remember (int (input.ReadByte()))
            | 'r' -> remember (input.ReadInt32())
            | 'h' -> recall (int (input.ReadByte()))
            | 'j' -> recall (input.ReadInt32())
            | 't' -> push (Pickled.Tuple(popToMark ()))
            | '\x85' -> push (Pickled.Tuple [| pop () |])
            | '\x86' ->
                let second = pop ()
                push (Pickled.Tuple [| pop (); second |])
            | '\x87' ->
                let third = pop ()
                let second = pop ()
                push (Pickled.Tuple [| pop (); second; third |])
            | 'e' ->
                let items = popToMark ()
                extend (top ()) items
            | 'a' ->
                let item = pop ()
                extend (top ()) [| item |]
            | 'u' ->
                let items = popToMark ()
                set (top ()) items
            | 's' ->
                let value = pop ()
                let key = pop ()
                set (top ()) [| key; value |]
            | 'c' -> push (name ())
            | 'Q' -> push (storage (pop ()))
            | 'R' ->
                let arguments = pop ()
                push (call (pop ()) arguments)
            | 'b' ->
                // A state dictionary's _metadata: versions of modules.
                match pop (), top () with
                | Pickled.Dictionary _, Pickled.Dictionary _ -> ()
                | _, other -> refuse $"a state for %s{shown other}"
            | other -> refuse $"the pickle instruction 0x%02x{int other}"

        answer.Value
